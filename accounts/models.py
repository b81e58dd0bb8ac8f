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

from accounts.contracts import Role, Scope
from core.ids import uuid7
from core.money import currencies


def validate_timezone(name: str) -> None:
    """Raises ValidationError for what is not an IANA time zone."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError("Choose an IANA time zone such as Europe/Madrid.", code="invalid")


def validate_currency(code: str) -> None:
    """Raises ValidationError for what is not an ISO 4217 currency."""
    if code not in currencies():
        raise ValidationError("Choose an ISO 4217 currency such as EUR.", code="invalid")


class UserManager(BaseUserManager["User"]):
    """Users by username, e-mail or phone; each look-up uses its unique index."""

    def create_user(self, username: str, email: str = "", password: str | None = None, **fields: Any) -> "User":
        """A user with a hashed password."""
        name = self.model.normalize_username(username)
        user = self.model(username=name, email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, email: str = "", password: str | None = None, **fields: Any) -> "User":
        """A platform admin."""
        return self.create_user(username, email, password, is_superuser=True, **fields)

    def with_username(self, username: str) -> models.QuerySet["User"]:
        """Users of this name, whatever the case."""
        return self.alias(name=Lower("username")).filter(name=Lower(models.Value(username)))

    def with_email(self, email: str) -> models.QuerySet["User"]:
        """Users of this address, whatever the case; nobody for an empty one."""
        return self.alias(address=Lower("email")).filter(address=Lower(models.Value(email))).exclude(email="")

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.with_username(username or "").get()


@pghistory.track(exclude=["password", "last_login"])
class User(AbstractBaseUser):
    """Someone who signs in, with username, e-mail or phone: a shopper, brand staff, or both.

    What they may do follows from ``is_superuser`` and the roles in brands, not from Django's model permissions.
    """

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    username = models.CharField(
        max_length=150, validators=[RegexValidator(r"^[\w.-]+\Z", "Letters, digits, dot, hyphen and underscore only.")]
    )
    email = models.EmailField(blank=True, default="")
    phone = models.CharField(max_length=16, null=True, blank=True, help_text="E.164, such as +34600000000")
    marketing_consent = models.BooleanField(default=False, help_text="May be sent codes and offers by e-mail")
    marketing_consent_at = models.DateTimeField(null=True, blank=True, editable=False)
    is_active = models.BooleanField("active", default=True)
    is_superuser = models.BooleanField("platform admin", default=False, help_text="May do everything")
    date_joined = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="accounts_user_username",
                violation_error_message="Another account has this username.",
            ),
            models.UniqueConstraint(
                Lower("email"),
                name="accounts_user_email",
                condition=~models.Q(email=""),
                violation_error_message="Another account has this e-mail address.",
            ),
            models.UniqueConstraint(
                "phone", name="accounts_user_phone", violation_error_message="Another account has this phone number."
            ),
            models.CheckConstraint(  # so no username can pass for another's e-mail address or phone number
                condition=~models.Q(username__contains="@") & models.Q(username__regex=r"[^0-9+() ./-]"),
                name="accounts_user_username_plain",
                violation_error_message="A username has no @ and is not a number.",
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @cached_property
    def roles(self) -> dict["Brand", Role]:
        """The brands whose staff this user is, with the role in each."""
        members = self.memberships.select_related("brand").filter(brand__is_active=True)
        return {member.brand: Role(member.role) for member in members}

    @property
    def is_staff(self) -> bool:
        """Whether the admin opens at all."""
        return self.is_superuser or bool(self.roles)

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        """Django's model permissions: all for platform admins, none for others (roles decide what staff may do)."""
        return self.is_active and self.is_superuser

    def has_perms(self, perms: Any, obj: object | None = None) -> bool:
        return self.has_perm("", obj)

    def has_module_perms(self, app_label: str) -> bool:
        return self.has_perm("")


@pghistory.track()
class Brand(models.Model):
    """A merchant on the platform."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    currency = models.CharField(max_length=3, default="EUR", validators=[validate_currency])
    color = models.CharField(
        max_length=7,
        default="#0f766e",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}\Z", "Write a color as #rrggbb.")],
        db_column="colour",
    )
    notify_email = models.EmailField(
        blank=True, default="", help_text="Told about uses of codes; owners are, when empty"
    )
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Membership(models.Model):
    """A user is staff of a brand."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=[(role.value, role.value.title()) for role in Role])
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint("brand", "user", name="accounts_membership_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]), name="accounts_membership_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.role} of {self.brand}"


class Customer(models.Model):
    """Who the data platform speaks of; a shopper's identity in every hot table. May be linked to a user."""

    customer_id = models.CharField(max_length=100, unique=True)
    user = models.OneToOneField(User, models.SET_NULL, null=True, blank=True, related_name="customer")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.customer_id


@pghistory.track(exclude=["digest", "last_used_at"])
class ApiKey(models.Model):
    """A server's credential: shown once, kept as a digest, scoped to one brand or to the internal API."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, null=True, blank=True, related_name="api_keys")
    scope = models.CharField(max_length=10, choices=[(scope.value, scope.value) for scope in Scope])
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.BinaryField(editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scope=Scope.BRAND, brand__isnull=False)
                | models.Q(scope=Scope.INTERNAL, brand__isnull=True),
                name="accounts_apikey_scope",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


@pghistory.track()
class Invitation(models.Model):
    """An owner asked someone to join a brand's staff; the link in the mail is signed, not stored, and good once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=[(role.value, role.value.title()) for role in Role])
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "brand",
                Lower("email"),
                name="accounts_invitation_once",
                condition=models.Q(accepted_at__isnull=True),
                violation_error_message="This address is invited already; send it again instead.",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]), name="accounts_invitation_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.brand}"
