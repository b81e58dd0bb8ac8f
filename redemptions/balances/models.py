"""The table of movements of balances. What is taken of a balance is a row of ``redemptions.limits``."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from redemptions.balances.contracts import MovementReason

REASON_LABELS = {
    MovementReason.RESERVED: _("Reserved by an order"),
    MovementReason.RELEASED: _("Reservation released"),
    MovementReason.EXPIRED: _("Reservation expired"),
    MovementReason.RETURNED: _("Refund"),
    MovementReason.AMENDED: _("Order amended"),
    MovementReason.CORRECTED: _("Correction"),
}


class BalanceMovement(models.Model):
    """A change of the balance of an offer's code, in minor units of ``currency``. Rows are only appended.

    ``amount`` is negative for what an order takes, and ``balance`` is what is left after it. ``redemption_id`` is that
    of the order; empty for a correction.
    """

    offer_id = models.UUIDField()
    code = models.CharField(max_length=64, db_collation="C")
    currency = models.CharField(max_length=3)
    redemption_id = models.UUIDField(null=True)
    amount = models.BigIntegerField()
    balance = models.BigIntegerField()
    reason = models.CharField(max_length=10, choices=[(reason.value, label) for reason, label in REASON_LABELS.items()])
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(balance__gte=0), name="redemptions_movement_balance"),
            models.CheckConstraint(
                condition=models.Q(reason__in=[reason.value for reason in MovementReason]),
                name="redemptions_movement_reason",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["offer_id", "code", "-id"], name="redemptions_movements_of_code"),
            models.Index(fields=["redemption_id"], name="redemptions_movements_of_order"),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.amount}"
