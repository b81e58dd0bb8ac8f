"""Serializers of API keys."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.contracts import BRAND_SCOPES, Scope
from accounts.models import ApiKey
from core.serializer_fields import EndField, StrictCharField, StrictIntegerField
from core.serializers import InputSerializer

SCOPES = [scope.value for scope in Scope]
SCOPES_OF_BRANDS = [scope.value for scope in BRAND_SCOPES]
NAME, PREFIX = _("Name of the key in lists."), _("Public first part of the key.")
SCOPES_HELP = _(
    "What the key may do: `read` offers, orders and results, `manage` offers, `checkout` with carts and orders of "
    "customers, `export` files with codes."
)
EXPIRES = _("When the key stops working; a date is included. Without it, the key works until it is revoked.")
ADDRESSES = _("IP addresses and networks that may use the key, such as `203.0.113.0/24`. Empty for any address.")


class ApiKeyInputSerializer(InputSerializer):
    """A new API key."""

    name = StrictCharField(max_length=100, help_text=NAME)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(SCOPES_OF_BRANDS),
        min_length=1,
        max_length=len(BRAND_SCOPES),
        required=False,
        help_text=SCOPES_HELP,
    )
    expires_at = EndField(required=False, allow_null=True, help_text=EXPIRES)
    addresses = serializers.ListField(
        child=StrictCharField(max_length=43), max_length=50, required=False, help_text=ADDRESSES
    )


class RollInputSerializer(InputSerializer):
    """How an API key is rolled."""

    overlap_hours = StrictIntegerField(
        min_value=0,
        max_value=720,
        default=24,
        help_text=_("Hours in which the present key still works, at most. 0 ends it at once."),
    )


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    """An API key without its secret."""

    brand = serializers.CharField(
        source="brand.slug", default=None, allow_null=True, help_text=_("Slug of the brand, or null for the platform.")
    )
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES), help_text=SCOPES_HELP)
    addresses = serializers.ListField(child=serializers.CharField(), help_text=ADDRESSES)
    created_by = serializers.CharField(
        source="created_by.username",
        default=None,
        allow_null=True,
        help_text=_("Username of whoever created the key, or null if it was created on the command line."),
    )
    replaces = serializers.UUIDField(
        source="replaces_id", allow_null=True, help_text=_("ID of the key that this one was rolled from, or null.")
    )

    class Meta:
        model = ApiKey
        fields = (
            "id", "name", "prefix", "brand", "scopes", "addresses", "created_by", "replaces", "created_at",
            "expires_at", "last_used_at", "revoked_at",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": _("ID of the key.")},
            "name": {"help_text": NAME},
            "prefix": {"help_text": PREFIX},
            "created_at": {"help_text": _("When the key was created.")},
            "expires_at": {"help_text": _("When the key stops working, or null if it doesn't.")},
            "last_used_at": {"help_text": _("When the key was last used, to the minute, or null if it never was.")},
            "revoked_at": {"help_text": _("When the key was revoked, or null while it is active.")},
        }


class NewApiKeySerializer(serializers.Serializer[Any]):
    """A new API key. The plain text is returned only once."""

    id = serializers.UUIDField(help_text=_("ID of the key."))
    name = serializers.CharField(help_text=NAME)
    prefix = serializers.CharField(help_text=PREFIX)
    key = serializers.CharField(source="text", help_text=_("Plain text for the header `Authorization: Api-Key <key>`."))
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES), help_text=SCOPES_HELP)
    addresses = serializers.ListField(child=serializers.CharField(), help_text=ADDRESSES)
    created_at = serializers.DateTimeField(help_text=_("When the key was created."))
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text=_("When the key stops working, or null if it doesn't.")
    )
