"""What brands know about their customers: addresses, languages, attributes and consents."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.contracts import Purpose
from accounts.models.access import ApiKey
from accounts.models.brands import Brand
from accounts.models.users import Customer
from core import languages

NAME_LENGTH = 150
WORDING_LENGTH = 2000
ORIGIN_LENGTH = 255
PURPOSE_CHOICES = [(Purpose.MARKETING_EMAILS.value, _("Marketing emails"))]


class CustomerProfile(models.Model):
    """A customer as one brand's server describes them. Other brands don't see it.

    ``marketing_consent`` is that of the latest consent, of the customer's server or account. The account of a customer
    who has one takes precedence for emails with its verified address and its language.
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
    """A customer's consent to a purpose of a brand, or its withdrawal: the text, when, and from where. Never changed.

    ``origin`` is that of the page on which an account decided, empty for decisions that the brand's server recorded.
    """

    profile = models.ForeignKey(
        CustomerProfile, models.CASCADE, related_name="consents", verbose_name=_("customer profile")
    )
    granted = models.BooleanField(_("granted"))
    purpose = models.CharField(
        _("purpose"),
        max_length=20,
        choices=PURPOSE_CHOICES,
        default=Purpose.MARKETING_EMAILS.value,
        db_default=Purpose.MARKETING_EMAILS.value,
    )
    origin = models.CharField(_("origin"), max_length=ORIGIN_LENGTH, blank=True, default="", db_default="")
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
