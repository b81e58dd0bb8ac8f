"""Users and customers."""

from typing import TYPE_CHECKING, Any, ClassVar

import pghistory
import pgtrigger
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower, Now, Trim
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.contracts import CUSTOMER_ID_LENGTH, Role, canonicalize_customer_id, has_roles
from core import languages
from core.ids import uuid7

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

    from accounts.models.brands import Brand, Membership

    _TextField = models.CharField[str, str]
else:
    _TextField = models.CharField  # can't be subscripted at run time


def annotate_second_factors(members: models.QuerySet["Membership"]) -> models.QuerySet[Any]:
    """Annotate memberships with ``needs_second_factor``: whether their user has one, or their brand requires it."""
    owned = Authenticator.objects.filter(user=models.OuterRef("user"))
    needs = models.Q(brand__require_second_factor=True) | models.Q(models.Exists(owned))
    return members.annotate(needs_second_factor=models.ExpressionWrapper(needs, models.BooleanField()))


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
        """Create a platform admin, whose address counts as verified by the operator."""
        verified_at = timezone.now() if email else None
        return self.create_user(
            username, email, password, is_superuser=True, **{"email_verified_at": verified_at, **fields}
        )

    def with_username(self, username: str) -> models.QuerySet["User"]:
        """Return the users with this username, ignoring case."""
        return self.alias(lower_username=Lower("username")).filter(lower_username=Lower(models.Value(username)))

    def with_email(self, email: str) -> models.QuerySet["User"]:
        """Return the users with this email address, ignoring case. An empty address matches no user."""
        return self.alias(lower_email=Lower("email")).filter(lower_email=Lower(models.Value(email))).exclude(email="")

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.with_username(username or "").get()


@pghistory.track(exclude=["password", "last_login", "token_epoch", "tokens_ended_at"])
class User(AbstractBaseUser):
    """A login with username, email address or phone number: a shopper, a member of a brand's staff, or both.

    Permissions follow from ``is_superuser`` and the roles in brands, not from Django's model permissions. Tokens that
    were issued in an earlier ``token_epoch`` are invalid; ``tokens_ended_at`` is when the present one began.

    ``has_second_factor`` says of the user of a request whether a second factor was used to sign in, and
    ``provider_brand_id`` by which brand's identity provider, if not by the password. ``signed_in_at`` is when they last
    proved who they are.
    """

    has_second_factor = False
    provider_brand_id: "uuid.UUID | None" = None
    signed_in_at: "datetime | None" = None

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    username = models.CharField(
        _("username"),
        max_length=150,
        validators=[RegexValidator(r"^[\w.-]+\Z", _("Use only letters, digits, dots, hyphens and underscores."))],
    )
    email = models.EmailField(_("email"), blank=True, default="")
    email_verified_at = models.DateTimeField(_("email verified"), null=True, blank=True, editable=False)
    phone = models.CharField(
        _("phone"),
        max_length=16,
        null=True,
        blank=True,
        help_text=_("With the country code, for example +34600000000."),
    )
    language = models.CharField(
        _("language"),
        max_length=10,
        blank=True,
        default="",
        db_default="",
        validators=[languages.validate_language],
        help_text=_("Emails are in this language. Leave blank for the language of the brand that sends them."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_superuser = models.BooleanField(_("platform admin"), default=False, help_text=_("Full access to all brands"))
    date_joined = models.DateTimeField(_("registered"), db_default=Now(), editable=False)
    token_epoch = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    tokens_ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        indexes = [
            models.Index(
                fields=["tokens_ended_at"],
                name="accounts_user_tokens_ended",
                condition=models.Q(tokens_ended_at__isnull=False),
            )
        ]
        triggers = [
            pgtrigger.Trigger(  # whichever way a user is deactivated, and even if an older row is saved afterwards
                name="end_tokens",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__is_active=True, new__is_active=False)
                | pgtrigger.Q(old__token_epoch__gt=pgtrigger.F("new__token_epoch")),
                func="""
                    NEW.token_epoch := OLD.token_epoch;
                    NEW.tokens_ended_at := OLD.tokens_ended_at;
                    IF OLD.is_active AND NOT NEW.is_active THEN
                        NEW.token_epoch := OLD.token_epoch + 1;
                        NEW.tokens_ended_at := clock_timestamp();
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(  # whichever way an address changes
                name="reset_verification",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("email"),  # type: ignore[no-untyped-call]
                func="""
                    IF lower(NEW.email) <> lower(OLD.email)
                        AND NEW.email_verified_at IS NOT DISTINCT FROM OLD.email_verified_at
                    THEN
                        NEW.email_verified_at := NULL;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]
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
    def _active_memberships(self) -> list[Any]:
        members = self.memberships.select_related("brand").filter(brand__is_active=True)
        return list(annotate_second_factors(members))

    @property
    def _open_memberships(self) -> list[Any]:
        """The memberships whose brands accept the way in which the user signed in, whatever the second factor."""
        return [
            member
            for member in self._active_memberships
            if has_roles(
                brand_id=member.brand_id, sso=member.brand.sso, provider_brand_id=self.provider_brand_id
            )
        ]  # fmt: skip

    @property
    def is_on_a_staff(self) -> bool:
        """Whether the user is a platform admin or works for an active brand, however they sign in."""
        return self.is_superuser or bool(self._active_memberships)

    @property
    def brand_of_required_provider(self) -> "Brand | None":
        """A brand of a user who has no rights of staff with a password, since their brands require a provider."""
        if self.provider_brand_id is not None or self.is_superuser or self._open_memberships:
            return None
        return next((member.brand for member in self._active_memberships), None)

    @property
    def lacks_second_factor(self) -> bool:
        """Whether the user has no rights of staff yet, since the sign-in was without the second factor.

        It is required of platform admins, of the staff of brands that say so, and of users who have one.
        """
        if self.has_second_factor:
            return False
        if self.is_superuser and settings.SECOND_FACTOR_FOR_ADMINS:
            return True
        return any(member.needs_second_factor for member in self._open_memberships)

    @property
    def lacks_verified_address(self) -> bool:
        """Whether the user has no rights of staff yet, since the address isn't verified.

        It has to be for platform admins and the staff of brands that require a second factor.
        """
        if self.email_verified:
            return False
        if self.is_superuser and settings.SECOND_FACTOR_FOR_ADMINS:
            return True
        return any(member.brand.require_second_factor for member in self._open_memberships)

    @property
    def has_what_is_required(self) -> bool:
        """Whether the user has the second factor and the verified address that rights of staff need."""
        return not (self.lacks_second_factor or self.lacks_verified_address)

    @property
    def roles(self) -> dict["Brand", Role]:
        """The active brands that this user works for, with the role in each.

        None without what is required, and only those that accept the way in which the user signed in.
        """
        members = self._open_memberships if self.has_what_is_required else []
        return {member.brand: Role(member.role) for member in members}

    @property
    def is_platform_admin(self) -> bool:
        """Whether the user may do everything: a superuser with a password, and with what is required."""
        return self.is_superuser and self.provider_brand_id is None and self.has_what_is_required

    @property
    def email_verified(self) -> bool:
        """Whether the owner of the present address has confirmed it."""
        return self.email_verified_at is not None

    @property
    def is_staff(self) -> bool:
        """Whether the user can sign in to the admin."""
        return self.is_platform_admin or bool(self.roles)

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        """Return whether the user is an active platform admin. Roles, not model permissions, decide for brand staff."""
        return self.is_active and self.is_platform_admin

    def has_perms(self, perms: Any, obj: object | None = None) -> bool:
        return self.has_perm("", obj)

    def has_module_perms(self, app_label: str) -> bool:
        return self.has_perm("")


class CustomerIdField(_TextField):
    """A customer ID. Whatever a row or a query gets is compared and stored in its canonical form."""

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return canonicalize_customer_id(prepared) if isinstance(prepared, str) else prepared


class Customer(models.Model):
    """A customer of the data platform, perhaps linked to a user.

    Tables that grow with the number of orders refer to a shopper by the key of this row.
    """

    customer_id = CustomerIdField(_("customer ID"), max_length=CUSTOMER_ID_LENGTH, unique=True)
    user = models.OneToOneField(
        User, models.SET_NULL, null=True, blank=True, related_name="customer", verbose_name=_("user")
    )
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(customer_id=Lower(Trim("customer_id"))), name="accounts_customer_id_canonical"
            ),
        ]

    def __str__(self) -> str:
        return self.customer_id
