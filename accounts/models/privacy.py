"""Requests for the export and the erasure of personal data."""

from typing import ClassVar

import pghistory
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.access import ApiKey
from accounts.models.brands import Brand
from accounts.models.users import Customer, User
from core.ids import uuid7


class PrivacyRequestKind(models.TextChoices):
    """Kinds of requests."""

    EXPORT = "export", _("Export")
    ERASURE = "erasure", _("Erasure")


class PrivacyRequestStatus(models.TextChoices):
    """How far a request is. An export is completed at once."""

    PENDING = "pending", _("Pending")
    RUNNING = "running", _("Running")
    COMPLETED = "completed", _("Completed")


_OPEN = models.Q(kind=PrivacyRequestKind.ERASURE.value) & ~models.Q(status=PrivacyRequestStatus.COMPLETED.value)


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(condition=pghistory.AnyChange("status")),
    fields=["kind", "brand", "customer", "status"],
    model_name="PrivacyRequestEvent",
)
class PrivacyRequest(models.Model):
    """A request for what is kept about a customer: by the shopper, a platform admin, or a brand for its own data.

    An erasure begins with a transaction that replaces the customer ID or moves what the brand keeps to ``pseudonym``,
    the customer who takes the place. ``closed_tx`` is the number of that transaction. Once all transactions that may
    not have seen it have ended, the registered tables are erased one by one; ``step`` is the last of them. Until the
    end ``texts`` are what named the customer, with what replaces each. ``is_whole`` is set if all of the customer is
    erased, which includes that only the brand knew the customer.
    """

    audit_brand_path: ClassVar = "brand"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=PrivacyRequestKind.choices)
    status = models.CharField(
        _("status"), max_length=10, choices=PrivacyRequestStatus.choices, default=PrivacyRequestStatus.COMPLETED
    )
    brand = models.ForeignKey(
        Brand, models.CASCADE, null=True, blank=True, related_name="+", db_index=False, verbose_name=_("brand"),
        help_text=_("The brand that asks for its own data. Blank for all data of the customer."),
    )  # fmt: skip
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", verbose_name=_("customer"))
    pseudonym = models.ForeignKey(Customer, models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    user = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("requested by")
    )
    api_key = models.ForeignKey(
        ApiKey, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("API key")
    )
    is_whole = models.BooleanField(default=False)
    texts = models.JSONField(default=dict)
    closed_tx = models.BigIntegerField(null=True)
    step = models.CharField(max_length=100, blank=True, default="")
    created_at = models.DateTimeField(_("requested"))
    completed_at = models.DateTimeField(_("completed"), null=True, blank=True)

    class Meta:
        verbose_name = _("privacy request")
        verbose_name_plural = _("privacy requests")
        constraints: ClassVar = [
            models.UniqueConstraint(
                "customer",
                "brand",
                name="accounts_privacy_one_open_erasure",
                condition=_OPEN,
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=~models.Q(status=PrivacyRequestStatus.COMPLETED.value) | models.Q(texts={}),
                name="accounts_privacy_completed_without_texts",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["brand", "-id"], name="accounts_privacy_of_brand"),
            models.Index(fields=["id"], name="accounts_privacy_open", condition=_OPEN),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
