"""Serializers of the accounts API."""

from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts import selectors
from accounts.contracts import Purpose, Role, SignOn, normalize_origin
from accounts.models import MAX_ORIGINS, ORIGIN_MESSAGE, AcceptanceGrant, Brand, Consent, Invitation, Membership, User
from core.budgets import format_budgets
from core.serializer_fields import (
    BudgetField,
    EmailField,
    LanguageField,
    SecretField,
    SlugField,
    StrictBooleanField,
    StrictCharField,
)
from core.serializers import InputSerializer

PURPOSES = [purpose.value for purpose in Purpose]
MAX_CONSENTS = 50
KINDS = sorted(settings.REDEMPTION_BACKENDS)
SIGN_ONS = [sign_on.value for sign_on in SignOn]
ROLES = [role.value for role in Role]
ORIGINS_HELP = _(
    "Origins of pages whose browsers may call the endpoints of shoppers, for example `https://www.example.com`."
)
SECOND_FACTOR_HELP = _("Whether staff needs a sign-in with a second factor for its roles.")
SSO_HELP = _("Whether staff signs in by the brand's identity provider. If it is required, passwords give no roles.")
CONSENTS_HELP = _("Slugs of the brands to whose marketing emails the customer consents.")
PER_MONTH_HELP = _("Maximum sum of the discounts in a month, in the issuer's currency or for each currency.")
LANGUAGE_HELP = _("Language of emails. Empty for that of the brand that sends them.")
USERNAME_PATTERN = r"^[\w.-]*[^\W\d][\w.-]*$"  # at least one letter, so that it isn't a number


class LoginInputSerializer(InputSerializer):
    """Credentials of a user."""

    account = StrictCharField(max_length=254, help_text=_("Email address, phone number or username."))
    password = SecretField(max_length=1024, trim_whitespace=False, write_only=True, help_text=_("Password."))
    otp = SecretField(
        max_length=20,
        required=False,
        write_only=True,
        help_text=_("Code of the authenticator app, or a recovery code. Required of users with a second factor."),
    )


class TokensSerializer(serializers.Serializer[Any]):
    """Tokens of a sign-in."""

    access = serializers.CharField(help_text=_("Token for the header `Authorization: Bearer <token>`."))
    refresh = serializers.CharField(help_text=_("Token with which the client gets the next access token."))
    expires_at = serializers.DateTimeField(help_text=_("When the access token expires."))


class RefreshInputSerializer(InputSerializer):
    """A refresh token."""

    refresh = SecretField(max_length=4096, help_text=_("Refresh token of a sign-in."))


class VerifyInputSerializer(InputSerializer):
    """An access token to verify."""

    token = SecretField(max_length=4096, help_text=_("Access token to verify."))


class BrandRoleSerializer(serializers.Serializer[Any]):
    """A user's role in a brand."""

    id = serializers.UUIDField(help_text=_("ID of the brand."))
    slug = serializers.SlugField(help_text=_("Slug of the brand."))
    role = serializers.ChoiceField(ROLES, help_text=_("The user's role in the brand."))


class TokenUserSerializer(serializers.Serializer[User]):
    """The user of a token."""

    id = serializers.UUIDField(source="uuid", help_text=_("ID of the user."))
    username = serializers.CharField(help_text=_("Username."))
    email = serializers.CharField(help_text=_("Email address. Empty if the user has none."))
    customer_id = serializers.CharField(
        source="customer.customer_id",
        default=None,
        allow_null=True,
        help_text=_("The user's customer ID, or null for users who aren't customers."),
    )
    brands = serializers.SerializerMethodField()

    @extend_schema_field(BrandRoleSerializer(many=True))
    def get_brands(self, user: User) -> list[dict[str, Any]]:
        """Return the active brands that the user works for."""
        return [{"id": str(brand.pk), "slug": brand.slug, "role": role.value} for brand, role in user.roles.items()]


class TokenStatusSerializer(serializers.Serializer[Any]):
    """The result of verifying an access token."""

    valid = serializers.BooleanField(help_text=_("Whether the token is valid now."))
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text=_("When the token expires, or null if it is invalid.")
    )
    user = TokenUserSerializer(allow_null=True, help_text=_("The user of the token, or null if it is invalid."))


class ConsentBrandField(SlugField):
    """The slug of an active brand to whose marketing emails somebody consents."""

    def to_internal_value(self, data: Any) -> Brand:  # type: ignore[override]
        brand = selectors.brand_by_name(super().to_internal_value(data))
        if brand is None or not brand.is_active:
            raise serializers.ValidationError(_("Brand not found."), code="invalid")
        return brand


class OwnConsentInputSerializer(InputSerializer):
    """A decision about the marketing emails of a brand."""

    brand = ConsentBrandField(help_text=_("Slug of the brand."))
    granted = StrictBooleanField(help_text=_("Whether the customer consents; false withdraws an earlier consent."))


class RegistrationInputSerializer(InputSerializer):
    """A new shopper."""

    username = StrictCharField(
        max_length=150,
        validators=[RegexValidator(USERNAME_PATTERN, _("Use only letters, digits, dots, hyphens and underscores."))],
        help_text=_("Letters, digits, dots, hyphens and underscores, with at least one letter."),
    )
    email = EmailField(max_length=254, help_text=_("Email address."))
    phone = StrictCharField(
        max_length=40,
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text=_("Phone number with the country code, for example +34600000000."),
    )
    password = SecretField(
        min_length=8, max_length=1024, trim_whitespace=False, write_only=True, help_text=_("At least 8 characters.")
    )
    consents = serializers.ListField(
        child=ConsentBrandField(), required=False, max_length=MAX_CONSENTS, help_text=CONSENTS_HELP
    )
    language = LanguageField(
        required=False,
        allow_blank=True,
        help_text=_("Language of emails. Empty for that of the brand that sends them."),
    )


class AddressInputSerializer(InputSerializer):
    """The address of an account."""

    email = EmailField(max_length=254, help_text=_("Email address of the account."))


class TokenInputSerializer(InputSerializer):
    """The token of a link in an email."""

    token = SecretField(max_length=4096, help_text=_("Last part of the link in the email."))


class NewPasswordInputSerializer(TokenInputSerializer):
    """The token of a link in an email, and the new password."""

    password = SecretField(
        min_length=8, max_length=1024, trim_whitespace=False, write_only=True, help_text=_("At least 8 characters.")
    )


class AcceptedSerializer(serializers.Serializer[Any]):
    """What happens next. It is the same for every address."""

    detail = serializers.CharField(help_text=_("Explanation for people."))


class OwnConsentSerializer(serializers.Serializer[Consent]):
    """A decision about the marketing emails of a brand."""

    brand = serializers.CharField(source="profile.brand.slug", help_text=_("Slug of the brand."))
    granted = serializers.BooleanField(help_text=_("Whether the customer consented."))
    purpose = serializers.ChoiceField(PURPOSES, help_text=_("What the consent is for."))
    wording = serializers.CharField(help_text=_("The text that the customer read. Empty for a withdrawal without one."))
    at = serializers.DateTimeField(source="decided_at", help_text=_("When the customer decided."))
    origin = serializers.CharField(help_text=_("Origin of the page on which they decided. Empty if it is unknown."))


class MeSerializer(TokenUserSerializer):
    """The caller's own account."""

    email_verified = serializers.BooleanField(help_text=_("Whether the owner of the email address confirmed it."))
    phone = serializers.CharField(allow_null=True, help_text=_("Phone number in E.164 format."))
    language = serializers.CharField(help_text=LANGUAGE_HELP)
    consents = serializers.SerializerMethodField(
        help_text=_("The latest decision about marketing emails for each brand.")
    )
    is_superuser = serializers.BooleanField(help_text=_("Whether the user has full access to all brands."))

    @extend_schema_field(OwnConsentSerializer(many=True))
    def get_consents(self, user: User) -> list[dict[str, Any]]:
        """Return the decisions of the user."""
        return [dict(OwnConsentSerializer(consent).data) for consent in selectors.list_consents(user)]


class MeUpdateSerializer(InputSerializer):
    """Changes to the caller's own account."""

    language = LanguageField(
        required=False,
        allow_blank=True,
        help_text=_("Language of emails. Empty for that of the brand that sends them."),
    )
    consents = serializers.ListField(
        child=OwnConsentInputSerializer(),
        required=False,
        max_length=MAX_CONSENTS,
        help_text=_("Decisions about marketing emails of brands. They work at once."),
    )


class OriginField(StrictCharField):
    """The origin of a page."""

    def to_internal_value(self, data: Any) -> str:
        origin = normalize_origin(super().to_internal_value(data))
        if origin is None:
            raise serializers.ValidationError(ORIGIN_MESSAGE, code="invalid")
        return origin


class BrandSerializer(serializers.ModelSerializer[Brand]):
    """The settings of a brand."""

    class Meta:
        model = Brand
        fields = (
            "id",
            "slug",
            "name",
            "language",
            "timezone",
            "currency",
            "browser_origins",
            "require_second_factor",
            "sso",
        )
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": _("ID of the brand.")},
            "slug": {"help_text": _("Slug of the brand.")},
            "name": {"help_text": _("Name of the brand, as customers see it.")},
            "language": {"help_text": _("Language of emails to customers who have chosen none.")},
            "timezone": {"help_text": _("Time zone of the brand's dates.")},
            "currency": {"help_text": _("Currency of amounts that name no other.")},
            "browser_origins": {"help_text": ORIGINS_HELP},
            "require_second_factor": {"help_text": SECOND_FACTOR_HELP},
            "sso": {"help_text": SSO_HELP},
        }


class BrandUpdateSerializer(InputSerializer):
    """Changes to the settings of a brand."""

    language = LanguageField(required=False, help_text=_("Language of emails to customers who have chosen none."))
    browser_origins = serializers.ListField(
        child=OriginField(max_length=255), required=False, max_length=MAX_ORIGINS, help_text=ORIGINS_HELP
    )
    require_second_factor = StrictBooleanField(required=False, help_text=SECOND_FACTOR_HELP)
    sso = serializers.ChoiceField(SIGN_ONS, required=False, help_text=SSO_HELP)


class MemberSerializer(serializers.Serializer[Membership]):
    """A member of a brand's staff."""

    user = serializers.UUIDField(source="user.uuid", help_text=_("ID of the user."))
    username = serializers.CharField(source="user.username", help_text=_("Username."))
    email = serializers.CharField(source="user.email", help_text=_("Email address."))
    role = serializers.ChoiceField(ROLES, help_text=_("Role in the brand."))
    created_at = serializers.DateTimeField(help_text=_("When the user joined the brand's staff."))


class MemberUpdateSerializer(InputSerializer):
    """Changes to a member of a brand's staff."""

    role = serializers.ChoiceField(ROLES, required=False, help_text=_("New role. Omit it to keep the present role."))


class InvitationInputSerializer(InputSerializer):
    """A new invitation."""

    email = EmailField(max_length=254, help_text=_("Email address that receives the invitation."))
    role = serializers.ChoiceField(ROLES, help_text=_("Role of the new member."))


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An invitation to a brand's staff. Only the email contains its link."""

    role = serializers.ChoiceField(ROLES, help_text=_("Role of the new member."))

    class Meta:
        model = Invitation
        fields = ("id", "email", "role", "created_at", "expires_at", "accepted_at")
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": _("ID of the invitation.")},
            "email": {"help_text": _("Invited email address.")},
            "created_at": {"help_text": _("When the address was first invited.")},
            "expires_at": {"help_text": _("When the link expires.")},
            "accepted_at": {"help_text": _("When the invitation was accepted, or null while it is pending.")},
        }


class GrantInputSerializer(InputSerializer):
    """A new grant, which replaces the current one to the same brand."""

    brand = SlugField(required=False, help_text=_("Slug of your brand. Required if you belong to several brands."))
    acceptor = SlugField(help_text=_("Slug of the brand whose server may give your offers."))
    kinds = serializers.ListField(
        child=serializers.ChoiceField(KINDS), min_length=1, max_length=20, help_text=_("Kinds of offer.")
    )
    max_per_month = BudgetField(required=False, help_text=PER_MONTH_HELP)


class GrantSerializer(serializers.ModelSerializer[AcceptanceGrant]):
    """A grant between two brands."""

    issuer = serializers.CharField(source="issuer.slug", help_text=_("Slug of the brand whose offers are given."))
    acceptor = serializers.CharField(source="acceptor.slug", help_text=_("Slug of the brand whose server gives them."))
    kinds = serializers.ListField(child=serializers.ChoiceField(KINDS), help_text=_("Kinds of offer."))
    max_per_month = serializers.SerializerMethodField(help_text=PER_MONTH_HELP)

    class Meta:
        model = AcceptanceGrant
        fields = ("id", "issuer", "acceptor", "kinds", "max_per_month", "created_at", "ended_at")
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": _("ID of the grant.")},
            "created_at": {"help_text": _("When the grant was created.")},
            "ended_at": {"help_text": _("When the grant ended, or null while it is current.")},
        }

    @extend_schema_field(BudgetField(allow_null=True))
    def get_max_per_month(self, grant: AcceptanceGrant) -> str | dict[str, str] | None:
        """Return the maximum as an amount, or an amount by currency."""
        return format_budgets(grant.max_per_month, currency=grant.issuer.currency)
