"""Serializer fields that the whole API shares.

They take what the contract says and nothing that merely looks like it: a 1 is no text and no flag.
"""

import re
import uuid
from datetime import UTC, datetime, time
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from core import datetimes, money

_HAS_UTC_OFFSET = re.compile(r".*([zZ]|[+-]\d\d:?\d\d)\Z", re.DOTALL)


class StrictCharField(serializers.CharField):
    """A text; no number."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ExternalIdField(StrictCharField):
    """The caller's own name of a line or a method, kept to the letter."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, trim_whitespace=False, **kwargs)


class SlugField(serializers.SlugField):
    """A slug; no number."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictIntegerField(serializers.IntegerField):
    """A whole number; no text and no flag."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class StrictBooleanField(serializers.BooleanField):
    """True or false; no word and no number for it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class UuidField(serializers.UUIDField):
    """A UUID as a text."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


@extend_schema_field({"type": "object", "additionalProperties": True})
class ObjectField(serializers.Field[Any, Any, Any, Any]):
    """An object whose inside is judged by its own parser."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("This is an object.", code="invalid")
        return data


@extend_schema_field({"type": "string", "pattern": r"^\d{1,15}(\.\d{1,4})?$", "example": "12.50"})
class AmountField(serializers.Field[Any, Any, str, Any]):
    """An amount of money that is not negative, as a decimal string; its currency is judged by whoever knows it."""

    default_error_messages = {"invalid": 'Write an amount as a decimal string such as "12.50".'}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not re.fullmatch(r"\d{1,15}(\.\d{1,4})?", data, re.ASCII):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class CurrencyField(serializers.CharField):
    """An ISO 4217 currency, upper case."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=3, max_length=3, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        if code not in money.currencies():
            raise serializers.ValidationError("This is not an ISO 4217 currency.", code="invalid")
        return code


@extend_schema_field(OpenApiTypes.DATETIME)
class AwareDateTimeField(serializers.DateTimeField):
    """An ISO 8601 instant with an offset; answered in UTC."""

    default_error_messages = {"overflow": datetimes.UNSUPPORTED_MESSAGE}

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _HAS_UTC_OFFSET.fullmatch(value):
            raise serializers.ValidationError(
                "Write an instant with an offset, such as 2027-01-31T23:59:59+01:00.", code="invalid"
            )
        instant: datetime = super().to_internal_value(value)
        if not datetimes.is_supported_datetime(instant):
            self.fail("overflow")
        return instant


@extend_schema_field({"type": "string", "description": "An instant with an offset, or a day: the brand's own midnight"})
class DateOrDateTimeField(serializers.Field[Any, Any, Any, Any]):
    """An instant with an offset, or a day as a naive midnight, for whoever knows the brand to place in its zone."""

    def to_internal_value(self, data: Any) -> datetime:
        if isinstance(data, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", data, re.ASCII):
            day = serializers.DateField().run_validation(data)
            if not datetimes.is_supported_date(day):
                raise serializers.ValidationError(datetimes.UNSUPPORTED_MESSAGE, code="invalid")
            return datetime.combine(day, time.min)
        return AwareDateTimeField().run_validation(data)  # type: ignore[no-any-return]

    def to_representation(self, value: datetime) -> str:
        return value.astimezone(UTC).isoformat()


def validate(shape: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """What ``data`` says, as ``shape`` describes it; for hot requests.

    One instance of a shape serves them all, since making one copies each of its fields. So it must keep nothing of a
    request, as ours do not. Raises ValidationError.
    """
    found: dict[str, Any] = _cached_serializer(shape).run_validation(data)
    return found


@cache
def _cached_serializer(shape: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    made = shape()
    _ = made.fields  # made here, and by nobody else
    return made


def localize_date(moment: datetime, zone: str) -> datetime:
    """An instant in UTC; a naive midnight, as ``DayOrInstantField`` gives for a day, is that of the time zone."""
    local = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC)


def parse_minor_units(text: str, currency: str, field: str) -> int:
    """Minor units of an amount in its currency, a refused field where it has too many decimals."""
    try:
        return money.parse(text, currency)
    except ValueError as error:
        raise serializers.ValidationError({field: [ErrorDetail(str(error), code="invalid")]}) from error
