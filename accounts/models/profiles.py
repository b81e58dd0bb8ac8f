"""What brands know about their customers: addresses, languages, attributes and consents."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models.access import ApiKey
from accounts.models.brands import Brand
from accounts.models.users import Customer
from core import languages

NAME_LENGTH = 150
WORDING_LENGTH = 2000


class CustomerProfile(models.Model):
    """A customer as one brand's server describes them. Other brands don't see it.

    ``marketing_consent`` is that of the latest consent. The account of a customer who has one takes precedence for
    emails: its verified address, its language and its consent.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="customer_profiles", verbose_name=_("brand"))
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="profiles", verbose_name=_("customer"))
    name = models.CharField(_("name"), max_length=NAME_LENGTH, blank=True, default="")
    email = models.EmailField(_("email address"), blank=True, default="")
    language = models.CharField(_("language"), max_length=languages.MAX_LENGTH, blank=True, default="")
    attributes = models.JSONField(_("attributes"), blank=True, default=dict)
    marketing_consent = models.BooleanField(_("marketing consent"), default=False)
    updated_at = models.DateTimeField(_("updated"))

    class Meta:
        verbose_name = _("customer profile")
        verbose_name_plural = _("customer profiles")
        constraints = [
            models.UniqueConstraint(fields=["customer", "brand"], name="accounts_profile_once_per_brand"),
        ]
        indexes = [
            models.Index(
                fields=["brand", "customer"],
                condition=models.Q(marketing_consent=True) & ~models.Q(email=""),
                name="accounts_profile_subscribed",
            )
        ]

    def __str__(self) -> str:
        return self.customer.customer_id


class Consent(models.Model):
    """A customer's consent to a brand's marketing emails, or its withdrawal, with the text. Never changed."""

    profile = models.ForeignKey(
        CustomerProfile, models.CASCADE, related_name="consents", verbose_name=_("customer profile")
    )
    granted = models.BooleanField(_("granted"))
    wording = models.TextField(_("wording"), max_length=WORDING_LENGTH, blank=True, default="")
    decided_at = models.DateTimeField(_("decided at"))
    recorded_at = models.DateTimeField(_("recorded"), db_default=Now(), editable=False)
    api_key = models.ForeignKey(
        ApiKey, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("API key")
    )

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.UniqueConstraint(fields=["profile", "decided_at"], name="accounts_consent_once_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.profile_id} {self.decided_at:%Y-%m-%d}"
