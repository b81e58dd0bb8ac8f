"""Users, brands, memberships, customers and API keys."""

import zoneinfo
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.functional import cached_property

import pghistory

from accounts.contracts import Role, Scope
from accounts.managers import UserManager
from promoplatform.kernel.ids import uuid7
from promoplatform.kernel.money import currencies


def validate_timezone(name: str) -> None:
    """Raises ValidationError for what is not an IANA time zone."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError("Choose an IANA time zone such as Europe/Madrid.", code="invalid")


def validate_currency(code: str) -> None:
    """Raises ValidationError for what is not an ISO 4217 currency."""
    if code not in currencies():
        raise ValidationError("Choose an ISO 4217 currency such as EUR.", code="invalid")


@pghistory.track(exclude=["password", "last_login"])
class User(AbstractBaseUser, PermissionsMixin):
    """Someone who signs in, with username, e-mail or phone: a shopper, brand staff, or both."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    username = models.CharField(max_length=150, validators=[RegexValidator(r"^[\w.@+-]+\Z", "Letters, digits and @/./+/-/_ only.")])
    email = models.EmailField(blank=True, default="")
    phone = models.CharField(max_length=16, null=True, blank=True, help_text="E.164, such as +34600000000")
    marketing_consent = models.BooleanField(default=False, help_text="May be sent codes and offers by e-mail")
    marketing_consent_at = models.DateTimeField(null=True, blank=True, editable=False)
    is_active = models.BooleanField("active", default=True)
    date_joined = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), name="accounts_user_username"),
            models.UniqueConstraint(Lower("email"), name="accounts_user_email", condition=~models.Q(email="")),
            models.UniqueConstraint("phone", name="accounts_user_phone"),
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


@pghistory.track()
class Brand(models.Model):
    """A merchant on the platform."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    currency = models.CharField(max_length=3, default="EUR", validators=[validate_currency])
    colour = models.CharField(
        max_length=7, default="#0f766e", validators=[RegexValidator(r"^#[0-9a-fA-F]{6}\Z", "Write a colour as #rrggbb.")]
    )
    notify_email = models.EmailField(blank=True, default="", help_text="Told about uses of codes; owners are, when empty")
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class Membership(models.Model):
    """A user is staff of a brand."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=[(role.value, role.value.title()) for role in Role])
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint("brand", "user", name="accounts_membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=[role.value for role in Role]), name="accounts_membership_role"),
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
                condition=models.Q(scope=Scope.BRAND, brand__isnull=False) | models.Q(scope=Scope.INTERNAL, brand__isnull=True),
                name="accounts_apikey_scope",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


@pghistory.track(exclude=["digest"])
class Invitation(models.Model):
    """An owner asked someone to join a brand's staff; the link in the mail is good once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=[(role.value, role.value.title()) for role in Role])
    digest = models.BinaryField(unique=True, editable=False)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=[role.value for role in Role]), name="accounts_invitation_role"),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.brand}"
