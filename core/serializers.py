"""Base class of the serializers of requests."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from core.errors import MAX_UNKNOWN_FIELDS, UNKNOWN_FIELD


class InputSerializer(serializers.Serializer[Any]):
    """An object in a request. A member that isn't one of its fields is an error, reported with all other errors."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the validated members. Raises ValidationError."""
        fields = self.fields
        unknown = [name for name in data if name not in fields] if isinstance(data, Mapping) else []
        if not unknown:
            return super().to_internal_value(data)
        errors: dict[str, Any] = {
            name: [ErrorDetail(str(UNKNOWN_FIELD), code="unknown_field")]
            for name in sorted(unknown)[:MAX_UNKNOWN_FIELDS]
        }
        try:
            super().to_internal_value(data)
        except serializers.ValidationError as error:
            errors |= dict(error.detail)  # type: ignore[arg-type]  # a mapping, because the data is one
        raise serializers.ValidationError(errors)
