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


@pghistory.track(pghistory.InsertEvent(), fields=["kind", "brand", "customer"], model_name="PrivacyRequestEvent")
class PrivacyRequest(models.Model):
    """A request for what is kept about a customer: by the shopper, or by a brand for its own data."""

    audit_brand_path: ClassVar = "brand"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=PrivacyRequestKind.choices)
    brand = models.ForeignKey(
        Brand, models.CASCADE, null=True, blank=True, related_name="+", db_index=False, verbose_name=_("brand"),
        help_text=_("The brand that asks for its own data. Blank for all data of the customer."),
    )  # fmt: skip
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", verbose_name=_("customer"))
    user = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("requested by")
    )
    api_key = models.ForeignKey(
        ApiKey, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("API key")
    )
    created_at = models.DateTimeField(_("requested"))

    class Meta:
        verbose_name = _("privacy request")
        verbose_name_plural = _("privacy requests")
        indexes: ClassVar = [models.Index(fields=["brand", "-id"], name="accounts_privacy_of_brand")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
