"""The own logins of brands, whose tokens their shoppers send."""

import pghistory
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models.brands import Brand
from core.ids import uuid7
from core.signing_keys import parse_public_key

MAX_LIFETIME_MINUTES = 24 * 60


def validate_public_key(text: str) -> None:
    """Check that ``text`` is a public key in PEM form. Raises ValidationError."""
    try:
        parse_public_key(text.strip())
    except ValueError as error:
        raise ValidationError(
            _("Enter a public key in PEM form: RSA with 2,048 bits or more, ECDSA or EdDSA."), code="invalid"
        ) from error


@pghistory.track()
class ShopperIssuer(models.Model):
    """The login of a brand's own shop: its shoppers call with the tokens that it signs.

    Keys are fetched from ``jwks_url``, or there is one ``public_key``. Tokens issued before ``valid_from`` are refused.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.OneToOneField(Brand, models.CASCADE, related_name="shopper_issuer", verbose_name=_("brand"))
    issuer = models.CharField(
        _("issuer"), max_length=255, help_text=_("The claim iss of the tokens, for example https://login.example.com.")
    )
    audience = models.CharField(
        _("audience"), max_length=255, help_text=_("What the claim aud of the tokens has to contain.")
    )
    jwks_url = models.URLField(
        _("address of the keys (JWKS)"),
        max_length=255,
        blank=True,
        default="",
        help_text=_("For example https://login.example.com/.well-known/jwks.json. Leave blank for one public key."),
    )
    public_key = models.TextField(
        _("public key"),
        blank=True,
        default="",
        max_length=4000,
        validators=[validate_public_key],
        help_text=_("In PEM form, for a login that publishes no keys."),
    )
    customer_claim = models.CharField(
        _("customer claim"),
        max_length=64,
        default="sub",
        db_default="sub",
        validators=[RegexValidator(r"^[A-Za-z0-9_:/.-]+\Z", _("Enter the name of a claim, for example sub."))],
        help_text=_("The claim that always names the same customer. The customer ID is <slug of the brand>:<claim>."),
    )
    max_lifetime_minutes = models.PositiveIntegerField(
        _("longest lifetime in minutes"),
        default=60,
        db_default=60,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_LIFETIME_MINUTES)],
        help_text=_("Tokens that live longer are refused."),
    )
    valid_from = models.DateTimeField(
        _("tokens valid from"),
        null=True,
        blank=True,
        editable=False,
    )
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("customer login")
        verbose_name_plural = _("customer logins")
        constraints = [
            models.UniqueConstraint(
                "issuer",
                "audience",
                name="accounts_shopper_issuer_once",
                violation_error_message=_("This issuer and audience are in use already. Choose another audience."),
            ),
            models.CheckConstraint(
                condition=models.Q(jwks_url="") ^ models.Q(public_key=""),
                name="accounts_shopper_issuer_keys",
                violation_error_message=_("Enter either the address of the keys or one public key."),
            ),
            models.CheckConstraint(
                condition=models.Q(max_lifetime_minutes__gte=1, max_lifetime_minutes__lte=MAX_LIFETIME_MINUTES),
                name="accounts_shopper_issuer_lifetime",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand}: {self.issuer}"
