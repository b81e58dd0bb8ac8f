"""What the accounts API takes and gives."""

from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.contracts import Role
from accounts.models import ApiKey, Invitation, Membership, User
from core.serializer_fields import StrictBooleanField, StrictCharField

ROLES = [role.value for role in Role]
PLAIN_NAME = r"^[\w.-]*[^\W\d][\w.-]*$"  # with a letter, so that it is no number


class LoginSerializer(serializers.Serializer[Any]):
    """A sign-in."""

    account = StrictCharField(max_length=254, help_text="E-mail address, phone number or username")
    password = StrictCharField(max_length=1024, trim_whitespace=False, write_only=True)


class TokensSerializer(serializers.Serializer[Any]):
    """What a sign-in gives; `expires_at` is the access token's end."""

    access = serializers.CharField()
    refresh = serializers.CharField()
    expires_at = serializers.DateTimeField()


class RefreshSerializer(serializers.Serializer[Any]):
    """A refresh token."""

    refresh = StrictCharField(max_length=4096)


class TokenSerializer(serializers.Serializer[Any]):
    """An access token to look at."""

    token = StrictCharField(max_length=4096)


class BrandRoleSerializer(serializers.Serializer[Any]):
    """A brand whose staff the user is."""

    id = serializers.UUIDField()
    slug = serializers.SlugField()
    role = serializers.ChoiceField(ROLES)


class TokenUserSerializer(serializers.Serializer[User]):
    """Whom a token names."""

    id = serializers.UUIDField(source="uuid")
    username = serializers.CharField()
    email = serializers.CharField()
    customer_id = serializers.CharField(source="customer.customer_id", default=None, allow_null=True)
    brands = serializers.SerializerMethodField()

    @extend_schema_field(BrandRoleSerializer(many=True))
    def get_brands(self, user: User) -> list[dict[str, Any]]:
        """The active brands whose staff the user is."""
        return [{"id": str(brand.pk), "slug": brand.slug, "role": role.value} for brand, role in user.roles.items()]


class TokenStateSerializer(serializers.Serializer[Any]):
    """Whether an access token is good now, and whom it names."""

    valid = serializers.BooleanField()
    expires_at = serializers.DateTimeField(allow_null=True)
    user = TokenUserSerializer(allow_null=True)


class RegisterSerializer(serializers.Serializer[Any]):
    """A new shopper."""

    username = StrictCharField(
        max_length=150, validators=[RegexValidator(PLAIN_NAME, "Letters, digits, dot, hyphen, underscore.")]
    )
    email = serializers.EmailField(max_length=254)
    phone = StrictCharField(
        max_length=40, required=False, allow_null=True, allow_blank=True, help_text="With its country"
    )
    password = StrictCharField(min_length=8, max_length=1024, trim_whitespace=False, write_only=True)
    marketing_consent = StrictBooleanField(help_text="May be sent codes and offers by e-mail")


class MeSerializer(TokenUserSerializer):
    """The caller's own account."""

    phone = serializers.CharField(allow_null=True)
    marketing_consent = serializers.BooleanField()
    is_superuser = serializers.BooleanField()


class MemberSerializer(serializers.Serializer[Membership]):
    """A member of a brand's staff."""

    user = serializers.UUIDField(source="user.uuid")
    username = serializers.CharField(source="user.username")
    email = serializers.CharField(source="user.email")
    role = serializers.ChoiceField(ROLES)
    created_at = serializers.DateTimeField()


class RoleSerializer(serializers.Serializer[Any]):
    """A role to give; none is no change."""

    role = serializers.ChoiceField(ROLES, required=False)


class InviteSerializer(serializers.Serializer[Any]):
    """Someone to invite."""

    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(ROLES)


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An invitation; its link stands only in the mail."""

    role = serializers.ChoiceField(ROLES)

    class Meta:
        model = Invitation
        fields = ("id", "email", "role", "created_at", "expires_at", "accepted_at")
        read_only_fields = fields


class KeyNameSerializer(serializers.Serializer[Any]):
    """What to call a new key."""

    name = StrictCharField(max_length=100)


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    """A key without its secret."""

    class Meta:
        model = ApiKey
        fields = ("id", "name", "prefix", "created_at", "last_used_at", "revoked_at")
        read_only_fields = fields


class NewKeySerializer(serializers.Serializer[Any]):
    """A new key with its text, which is shown this once."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    key = serializers.CharField(source="text")
    created_at = serializers.DateTimeField()
