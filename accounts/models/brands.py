"""Brands with their staff: memberships and invitations."""

import zoneinfo
from typing import ClassVar

import pghistory
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from accounts.contracts import CheckoutBy, Role, SignOn, normalize_origin
from accounts.models.users import User
from core import languages
from core.ids import uuid7
from core.money import currencies

ROLE_CHOICES = [
    (Role.OWNER.value, _("Owner")),
    (Role.EDITOR.value, _("Editor")),
    (Role.VIEWER.value, _("Viewer")),
]
SIGN_ON_CHOICES = [
    (SignOn.OFF.value, _("Off")),
    (SignOn.ALLOWED.value, _("Allowed, as are passwords")),
    (SignOn.REQUIRED.value, _("Required: passwords give no roles")),
]
MAX_ORIGINS = 50
ORIGIN_MESSAGE = _("Enter the origin of a page without a path, for example https://www.example.com.")
CHECKOUT_BY_CHOICES = [
    (CheckoutBy.SERVER.value, _("Servers")),
    (CheckoutBy.SHOPPER_RESERVES.value, _("Shoppers reserve, servers confirm")),
    (CheckoutBy.SHOPPER.value, _("Shoppers")),
]


def validate_timezone(name: str) -> None:
    """Check that ``name`` is an IANA time zone. Raises ValidationError."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("Enter an IANA time zone, for example Europe/Madrid."), code="invalid")


def validate_currency(code: str) -> None:
    """Check that ``code`` is an ISO 4217 currency. Raises ValidationError."""
    if code not in currencies():
        raise ValidationError(_("Enter an ISO 4217 currency code, for example EUR."), code="invalid")


def validate_origin(text: str) -> None:
    """Check that ``text`` is the origin of a page, as browsers send it. Raises ValidationError."""
    if normalize_origin(text) != text:
        raise ValidationError(ORIGIN_MESSAGE, code="invalid")


@pghistory.track()
class Brand(models.Model):
    """A merchant on the platform."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(_("slug"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=100)
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_timezone])
    currency = models.CharField(_("currency"), max_length=3, default="EUR", validators=[validate_currency])
    color = models.CharField(
        _("color"),
        max_length=7,
        default="#0f766e",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}\Z", _("Enter a color as #rrggbb."))],
        db_column="colour",
    )
    notify_email = models.EmailField(
        _("notification email"),
        blank=True,
        default="",
        help_text=_("Receives usage digests. Defaults to all owners."),
    )
    checkout_by = models.CharField(
        _("checkout"),
        max_length=16,
        choices=CHECKOUT_BY_CHOICES,
        default=CheckoutBy.SERVER.value,
        help_text=_(
            "Who reserves and confirms orders with the brand's offers. Shoppers send the prices of their carts "
            "themselves, so let them confirm orders only in prototypes. They can always see prices, use a discount "
            "code or a coupon without a cart, and claim a voucher."
        ),
    )
    language = models.CharField(
        _("language"),
        max_length=10,
        default=settings.LANGUAGE_CODE,
        db_default=settings.LANGUAGE_CODE,
        validators=[languages.validate_language],
        help_text=_("Emails are in this language, unless the customer has chosen another."),
    )
    browser_origins = ArrayField(
        models.CharField(max_length=255, validators=[validate_origin]),
        verbose_name=_("browser origins"),
        size=MAX_ORIGINS,
        default=list,
        db_default=[],
        blank=True,
        help_text=_(
            "Pages whose browsers may call the endpoints of shoppers with a shopper's token. One per line, for example "
            "https://www.example.com"
        ),
    )
    require_second_factor = models.BooleanField(
        _("require a second factor"),
        default=False,
        db_default=False,
        help_text=_("Members of the staff have their roles only in sign-ins with a second factor."),
    )
    sso = models.CharField(
        _("sign-in by identity provider"),
        max_length=10,
        choices=SIGN_ON_CHOICES,
        default=SignOn.OFF.value,
        db_default=SignOn.OFF.value,
        help_text=_("How the staff signs in. Set up the brand's identity provider first."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("brand")
        verbose_name_plural = _("brands")
        ordering: ClassVar[list[str]] = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(checkout_by__in=[by.value for by in CheckoutBy]), name="accounts_brand_checkout_by"
            ),
            models.CheckConstraint(
                condition=models.Q(sso__in=[sign_on.value for sign_on in SignOn]), name="accounts_brand_sso"
            ),
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Membership(models.Model):
    """The role of a user in the staff of a brand."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="memberships", verbose_name=_("brand"))
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=10, choices=ROLE_CHOICES)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint("brand", "user", name="accounts_membership_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]), name="accounts_membership_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand}: {self.user} ({self.get_role_display()})"


@pghistory.track()
class Invitation(models.Model):
    """An invitation to join a brand's staff. The link in the email is signed, not stored, and can be used once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="invitations", verbose_name=_("brand"))
    email = models.EmailField(_("email"))
    role = models.CharField(_("role"), max_length=10, choices=ROLE_CHOICES)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("invited by"))
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    expires_at = models.DateTimeField(_("expires"))
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(
                "brand",
                Lower("email"),
                name="accounts_invitation_once",
                condition=models.Q(accepted_at__isnull=True),
                violation_error_message=_("This address already has an invitation. Resend it instead."),
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]), name="accounts_invitation_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand}: {self.email}"
