"""The event log: what happened to offers, codes and redemptions."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, Customer


class Event(models.Model):
    """Something that happened to an offer, a code or a redemption. Append-only, partitioned by the month of the ID.

    The database makes ``id`` (UUID version 7) and ``tx``, the number of the transaction, which gives readers an order
    in which nothing is missed (``redemptions.events.selectors``). ``created_at`` is when it happened. ``amount`` is the
    discount and ``subtotal`` what it was taken from, both in minor units of ``currency``. The primary key of the table
    is brand, transaction and ID (see the migration).
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tx = models.BigIntegerField(editable=False)
    created_at = models.DateTimeField(_("created"))
    brand = models.ForeignKey(Brand, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    offer_id = models.UUIDField(null=True)
    redemption_id = models.UUIDField(null=True)
    customer = models.ForeignKey(
        Customer, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+", null=True
    )
    amount = models.BigIntegerField(null=True)
    subtotal = models.BigIntegerField(null=True)
    type = models.CharField(_("type"), max_length=40)
    kind = models.CharField(_("kind"), max_length=20, blank=True, default="")
    currency = models.CharField(max_length=3, blank=True, default="")
    code = models.CharField(_("code"), max_length=64, blank=True, default="")
    order = models.CharField(_("order"), max_length=100, blank=True, default="")
    reason = models.JSONField(null=True)
    data = models.JSONField(default=dict)

    class Meta:
        app_label = "redemptions"
        verbose_name = _("event")
        verbose_name_plural = _("events")

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"


class EventReader(models.Model):
    """How far a reader within the platform has read: all events of the transactions below ``tx``."""

    name = models.CharField(max_length=40, primary_key=True)
    tx = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.tx}"
