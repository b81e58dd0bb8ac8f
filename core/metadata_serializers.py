"""Serializers of external IDs and metadata."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from core.metadata import EXTERNAL_ID_LENGTH, MAX_KEYS, MAX_VALUE_LENGTH, find_key_error, find_value_error
from core.serializer_fields import StrictCharField
from core.serializers import InputSerializer
from core.texts import has_control_characters

EXTERNAL_ID_HELP = _("Your ID of the object, unique among those of its kind that are not archived.")
METADATA_HELP = _("Your own data: up to 50 keys of up to 40 characters, with texts of up to 500 characters.")
METADATA_UPDATE_HELP = _("Your own data. Omitted keys stay, `null` removes one, and `null` instead of the object all.")


@extend_schema_field(
    {
        "type": "object",
        "maxProperties": MAX_KEYS,
        "additionalProperties": {"type": "string", "maxLength": MAX_VALUE_LENGTH},
        "example": {"campaign": "spring"},
    }
)
class MetadataField(serializers.Field[Any, Any, Any, Any]):
    """Metadata of an object."""

    accepts_null = False  # as a value, which removes the key

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError(_("Expected an object."), code="invalid")
        if len(data) > MAX_KEYS:
            detail = gettext("At most %(max)s keys are allowed.") % {"max": MAX_KEYS}
            raise serializers.ValidationError(detail, code="max_length")
        errors = {}
        for key, value in data.items():
            is_removed = value is None and self.accepts_null
            if detail := find_key_error(key) or ("" if is_removed else find_value_error(value)):
                code = "control_characters" if has_control_characters(f"{key}{value}") else "invalid"
                errors[key] = [ErrorDetail(detail, code=code)]
        if errors:
            raise serializers.ValidationError(errors)
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(
    {
        "type": "object",
        "nullable": True,
        "additionalProperties": {"type": "string", "nullable": True, "maxLength": MAX_VALUE_LENGTH},
        "example": {"campaign": "spring", "channel": None},
    }
)
class MetadataUpdateField(MetadataField):
    """Changes of metadata, as ``merge_metadata`` applies them."""

    accepts_null = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)


def external_id_field(**kwargs: Any) -> StrictCharField:
    """Return the field of an external ID. An empty text is none."""
    return StrictCharField(max_length=EXTERNAL_ID_LENGTH, required=False, allow_blank=True, **kwargs)


class MetadataInputSerializer(InputSerializer):
    """The external ID and the metadata of a new object."""

    external_id = external_id_field(help_text=EXTERNAL_ID_HELP)
    metadata = MetadataField(required=False, help_text=METADATA_HELP)


class MetadataUpdateSerializer(InputSerializer):
    """Changes of the external ID and the metadata of an object. They can change at any time."""

    external_id = external_id_field(allow_null=True, help_text=EXTERNAL_ID_HELP)
    metadata: MetadataField = MetadataUpdateField(required=False, help_text=METADATA_UPDATE_HELP)


class MetadataSerializer(serializers.Serializer[Any]):
    """The external ID and the metadata of an object. Visible to staff of its brand only."""

    external_id = serializers.CharField(allow_null=True, required=False, help_text=EXTERNAL_ID_HELP)
    metadata = MetadataField(required=False, help_text=METADATA_HELP)
    updated_at = serializers.DateTimeField(required=False, help_text=_("When the object was last changed."))
