"""The callers' own data about objects: an external ID, and metadata as keys and values."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext

from core.errors import CONTROL_CHARACTERS, InvalidRequest
from core.texts import has_control_characters

MAX_KEYS, MAX_KEY_LENGTH, MAX_VALUE_LENGTH = 50, 40, 500
EXTERNAL_ID_LENGTH = 255
FIELDS = ("external_id", "metadata")


def find_key_error(key: str) -> str:
    """Return why a key of metadata is invalid, or an empty string."""
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        return gettext("Use keys of 1 to %(max)s characters.") % {"max": MAX_KEY_LENGTH}
    if has_control_characters(key):
        return str(CONTROL_CHARACTERS)
    if not key.isprintable() or "[" in key or "]" in key or key != key.strip():
        return gettext("Use printable characters without square brackets, and no space at either end.")
    return ""


def find_value_error(value: object) -> str:
    """Return why a value of metadata is invalid, or an empty string."""
    if not isinstance(value, str) or len(value) > MAX_VALUE_LENGTH:
        return gettext("Enter a text of up to %(max)s characters.") % {"max": MAX_VALUE_LENGTH}
    return str(CONTROL_CHARACTERS) if has_control_characters(value) else ""


def merge_metadata(current: Mapping[str, str], changes: Mapping[str, str | None] | None) -> dict[str, str]:
    """Return metadata with changes by key: None removes a key, and None instead of the changes all keys.

    Raises InvalidRequest if there are too many keys.
    """
    if changes is None:
        return {}
    merged = {key: value for key, value in {**current, **changes}.items() if value is not None}
    if len(merged) > MAX_KEYS:
        raise InvalidRequest.field(
            "metadata", gettext("At most %(max)s keys are allowed.") % {"max": MAX_KEYS}, "max_length"
        )
    return merged


def pick_metadata(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the external ID and the metadata of a validated request, if they were sent."""
    return {name: data[name] for name in FIELDS if name in data}


def serialize_metadata(row: Any) -> dict[str, Any]:
    """Return the external ID, the metadata and the time of the last change of a row."""
    return {"external_id": row.external_id or None, "metadata": row.metadata, "updated_at": row.updated_at}
