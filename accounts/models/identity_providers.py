"""Identity providers of brands (OpenID Connect), and the people that they identify."""

import pghistory
from allauth.socialaccount.models import SocialAccount
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models.brands import Brand
from core.ids import uuid7

DOMAIN_MESSAGE = _("Enter domains of email addresses, for example example.com.")
MAX_DOMAINS = 50
DOMAIN_PATTERN = r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z"


def validate_issuer(url: str) -> None:
    """Check that ``url`` can be the issuer of an identity provider. Raises ValidationError."""
    if any(mark in url for mark in "?#\\@ ") or "/.well-known/" in url:
        raise ValidationError(_("Enter the issuer without a query, for example https://login.example.com."))


@pghistory.track(exclude=["secret"])
class IdentityProvider(models.Model):
    """The identity provider by which the staff of a brand signs in.

    It speaks for addresses in ``domains``, which are the brand's as a platform admin has checked. The secret is
    encrypted as those of second factors are.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.OneToOneField(Brand, models.CASCADE, related_name="identity_provider", verbose_name=_("brand"))
    issuer = models.URLField(
        _("issuer"),
        max_length=255,
        validators=[validate_issuer],
        help_text=_("The address of the identity provider, for example https://login.example.com."),
    )
    client_id = models.CharField(
        _("client ID"), max_length=191, help_text=_("The ID of this platform at the identity provider.")
    )
    secret = models.TextField(_("client secret"), editable=False, default="", blank=True)
    domains = ArrayField(
        models.CharField(max_length=253, validators=[RegexValidator(DOMAIN_PATTERN, DOMAIN_MESSAGE)]),
        verbose_name=_("email domains"),
        size=MAX_DOMAINS,
        default=list,
        db_default=[],
        blank=True,
        help_text=_(
            "Domains of the staff's email addresses, one per line, for example example.com. A platform admin checks "
            "that they belong to the brand, and enters them. Nobody can sign in without them."
        ),
    )
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("identity provider")
        verbose_name_plural = _("identity providers")

    def __str__(self) -> str:
        return f"{self.brand}: {self.issuer}"

    @property
    def key(self) -> str:
        """The name of the provider in addresses and in sign-ins: of the brand, as nothing else of it stays the same."""
        return str(self.brand_id)

    def covers(self, email: str) -> bool:
        """Return whether the provider speaks for an address."""
        return email.rpartition("@")[2].lower() in self.domains


def list_domains(text: str) -> list[str]:
    """Return the domains in a text, in the form in which they are compared, each once."""
    return list(dict.fromkeys(domain.lower().removeprefix("@") for domain in text.split()))


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.DeleteEvent(),
    fields=["id", "user", "provider", "date_joined"],
    model_name="StaffIdentityEvent",
)
class StaffIdentity(SocialAccount):  # type: ignore[misc]
    """What an identity provider calls a member of a brand's staff. The audit log says who was linked, and when."""

    class Meta:
        proxy = True
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
