"""Users, brands, memberships, customers, API keys and invitations."""

import zoneinfo
from typing import Any, ClassVar

import pghistory
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.contracts import CheckoutBy, Role, Scope
from core.ids import uuid7
from core.money import currencies

ROLE_CHOICES = [
    (Role.OWNER.value, _("Owner")),
    (Role.EDITOR.value, _("Editor")),
    (Role.VIEWER.value, _("Viewer")),
]
CHECKOUT_BY_CHOICES = [
    (CheckoutBy.SERVER.value, _("Servers")),
    (CheckoutBy.SHOPPER_RESERVES.value, _("Shoppers reserve, servers confirm")),
    (CheckoutBy.SHOPPER.value, _("Shoppers")),
]
SCOPE_CHOICES = [
    (Scope.BRAND.value, _("Brand API")),
    (Scope.CHECKOUT.value, _("Checkout of all brands")),
    (Scope.INTERNAL.value, _("Internal API")),
]


def validate_timezone(name: str) -> None:
    """Check that ``name`` is an IANA time zone. Raises ValidationError."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("Enter an IANA time zone, for example Europe/Madrid."), code="invalid")


def validate_currency(code: str) -> None:
    """Check that ``code`` is an ISO 4217 currency. Raises ValidationError."""
    if code not in currencies():
        raise ValidationError(_("Enter an ISO 4217 currency code, for example EUR."), code="invalid")


class UserManager(BaseUserManager["User"]):
    """Manager with case-insensitive lookups by username and email; each lookup uses a unique index."""

    def create_user(self, username: str, email: str = "", password: str | None = None, **fields: Any) -> "User":
        """Create a user with a hashed password."""
        name = self.model.normalize_username(username)
        user = self.model(username=name, email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, email: str = "", password: str | None = None, **fields: Any) -> "User":
        """Create a platform admin."""
        return self.create_user(username, email, password, is_superuser=True, **fields)

    def with_username(self, username: str) -> models.QuerySet["User"]:
        """Return the users with this username, ignoring case."""
        return self.alias(lower_username=Lower("username")).filter(lower_username=Lower(models.Value(username)))

    def with_email(self, email: str) -> models.QuerySet["User"]:
        """Return the users with this email address, ignoring case. An empty address matches no user."""
        return self.alias(lower_email=Lower("email")).filter(lower_email=Lower(models.Value(email))).exclude(email="")

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.with_username(username or "").get()


@pghistory.track(exclude=["password", "last_login"])
class User(AbstractBaseUser):
    """A login with username, email address or phone number: a shopper, a member of a brand's staff, or both.

    Permissions follow from ``is_superuser`` and the roles in brands, not from Django's model permissions.
    """

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    username = models.CharField(
        _("username"),
        max_length=150,
        validators=[RegexValidator(r"^[\w.-]+\Z", _("Use only letters, digits, dots, hyphens and underscores."))],
    )
    email = models.EmailField(_("email"), blank=True, default="")
    phone = models.CharField(
        _("phone"),
        max_length=16,
        null=True,
        blank=True,
        help_text=_("With the country code, for example +34600000000."),
    )
    marketing_consent = models.BooleanField(
        _("marketing consent"), default=False, help_text=_("Subscribed to marketing emails")
    )
    marketing_consent_at = models.DateTimeField(_("marketing consent changed"), null=True, blank=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True)
    is_superuser = models.BooleanField(_("platform admin"), default=False, help_text=_("Full access to all brands"))
    date_joined = models.DateTimeField(_("registered"), db_default=Now(), editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="accounts_user_username",
                violation_error_message=_("This username is already in use."),
            ),
            models.UniqueConstraint(
                Lower("email"),
                name="accounts_user_email",
                condition=~models.Q(email=""),
                violation_error_message=_("This email address is already in use."),
            ),
            models.UniqueConstraint(
                "phone",
                name="accounts_user_phone",
                violation_error_message=_("This phone number is already in use."),
            ),
            models.CheckConstraint(  # so that no username can be taken for another user's email address or phone number
                condition=~models.Q(username__contains="@") & models.Q(username__regex=r"[^0-9+() ./-]"),
                name="accounts_user_username_plain",
                violation_error_message=_("Usernames can't contain @ or be a number."),
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @cached_property
    def roles(self) -> dict["Brand", Role]:
        """The active brands that this user works for, with the role in each."""
        members = self.memberships.select_related("brand").filter(brand__is_active=True)
        return {member.brand: Role(member.role) for member in members}

    @property
    def is_staff(self) -> bool:
        """Whether the user can sign in to the admin."""
        return self.is_superuser or bool(self.roles)

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        """Return whether the user is an active platform admin. Roles, not model permissions, decide for brand staff."""
        return self.is_active and self.is_superuser

    def has_perms(self, perms: Any, obj: object | None = None) -> bool:
        return self.has_perm("", obj)

    def has_module_perms(self, app_label: str) -> bool:
        return self.has_perm("")


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
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("brand")
        verbose_name_plural = _("brands")
        ordering: ClassVar[list[str]] = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(checkout_by__in=[by.value for by in CheckoutBy]), name="accounts_brand_checkout_by"
            )
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


class Customer(models.Model):
    """A customer of the data platform, perhaps linked to a user.

    Tables that grow with the number of orders refer to a shopper by the key of this row.
    """

    customer_id = models.CharField(_("customer ID"), max_length=100, unique=True)
    user = models.OneToOneField(
        User, models.SET_NULL, null=True, blank=True, related_name="customer", verbose_name=_("user")
    )
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")

    def __str__(self) -> str:
        return self.customer_id


@pghistory.track(exclude=["digest", "last_used_at"])
class ApiKey(models.Model):
    """A server's credential, for one brand, the platform's checkout or the internal API. Only a digest is stored."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(
        Brand, models.CASCADE, null=True, blank=True, related_name="api_keys", verbose_name=_("brand")
    )
    scope = models.CharField(_("scope"), max_length=10, choices=SCOPE_CHOICES)
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(_("prefix"), max_length=12, unique=True, editable=False)
    digest = models.BinaryField(editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scope=Scope.BRAND, brand__isnull=False)
                | models.Q(scope__in=[Scope.CHECKOUT, Scope.INTERNAL], brand__isnull=True),
                name="accounts_apikey_scope",
                violation_error_message=_("The scope Brand API needs a brand. The other scopes are without a brand."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


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
