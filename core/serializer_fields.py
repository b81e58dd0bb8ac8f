"""Serializer fields of the whole API.

They are strict: a number is neither text nor a boolean.
"""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from core import datetimes, languages, money, periods, texts
from core.errors import CONTROL_CHARACTERS, CONTROL_CHARACTERS_IN_LINES
from core.message_languages import translate

UNSUPPORTED_YEAR = _("Enter a year from 1900 to 9998.")  # the range of core.datetimes
INVALID_AMOUNT = _('Enter a decimal string, for example "12.50".')

_HAS_UTC_OFFSET = re.compile(r".*([zZ]|[+-]\d\d:?\d\d)\Z", re.DOTALL)


class StrictCharField(serializers.CharField):
    """A string, not a number, of one line that is shown to people as it reads."""

    default_error_messages = {"control_characters": CONTROL_CHARACTERS}
    several_lines: ClassVar[bool] = False

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        if texts.has_control_characters(text, several_lines=self.several_lines):
            self.fail("control_characters")
        return text


class LinesField(StrictCharField):
    """A string of one or several lines."""

    default_error_messages = {"control_characters": CONTROL_CHARACTERS_IN_LINES}
    several_lines = True


class SecretField(serializers.CharField):
    """A password or a token, which nobody reads: a string of any characters, not a number."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class EmailField(StrictCharField, serializers.EmailField):
    """An email address."""


@extend_schema_field({"type": "string", "maxLength": languages.MAX_LENGTH, "example": "es"})
class LanguageField(StrictCharField):
    """The tag of a language (BCP 47), as the language of the platform that it stands for (``es`` for ``es-MX``)."""

    def to_internal_value(self, data: Any) -> str:
        tag = super().to_internal_value(data)
        language = languages.find_language(tag)
        if tag and language is None:
            names = ", ".join(languages.list_languages())
            raise serializers.ValidationError(languages.UNKNOWN % {"languages": names}, code="invalid")
        return language or ""


class ExternalIdField(StrictCharField):
    """The caller's own ID of a line or a shipping method, kept unchanged."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, trim_whitespace=False, **kwargs)


class SlugField(serializers.SlugField):
    """A slug, not a number."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictIntegerField(serializers.IntegerField):
    """An integer, not a string or a boolean."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class PageSizeField(serializers.IntegerField):
    """The number of objects of a page, in ASCII digits."""

    def to_internal_value(self, data: Any) -> int:
        if not str(data).isascii():
            self.fail("invalid")
        return int(super().to_internal_value(data))


class StrictBooleanField(serializers.BooleanField):
    """A boolean, not a string or a number."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class UuidField(serializers.UUIDField):
    """A UUID as a string."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


@extend_schema_field({"type": "object", "additionalProperties": True})
class ObjectField(serializers.Field[Any, Any, Any, Any]):
    """An object whose members are validated by a parser of their own."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError(_("Expected an object."), code="invalid")
        return data


@extend_schema_field({"type": "string", "pattern": r"^\d{1,15}(\.\d{1,4})?$", "example": "12.50"})
class AmountField(serializers.Field[Any, Any, str, Any]):
    """A non-negative amount of money as a decimal string.

    The number of decimals is checked later, with the currency.
    """

    default_error_messages = {"invalid": INVALID_AMOUNT}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not re.fullmatch(r"\d{1,15}(\.\d{1,4})?", data, re.ASCII):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "example": "1000.00"},
            {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "example": {"EUR": "1000.00", "GBP": "900.00"},
            },
        ]
    }
)
class BudgetField(serializers.Field[Any, Any, Any, Any]):
    """An amount of money as a decimal string, or an object with one for each currency."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            return AmountField().to_internal_value(data)
        errors = {}
        for currency, amount in data.items():
            try:
                AmountField().to_internal_value(amount)
            except serializers.ValidationError as error:
                errors[currency] = error.detail
        if errors:
            raise serializers.ValidationError(errors)
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class CurrencyField(serializers.CharField):
    """An ISO 4217 currency code in upper case."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=3, max_length=3, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        if code not in money.currencies():
            raise serializers.ValidationError(_("Enter an ISO 4217 currency code, for example EUR."), code="invalid")
        return code


@extend_schema_field(OpenApiTypes.DATETIME)
class AwareDateTimeField(serializers.DateTimeField):
    """An ISO 8601 datetime with a UTC offset; responses are in UTC."""

    default_error_messages = {"overflow": UNSUPPORTED_YEAR}

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _HAS_UTC_OFFSET.fullmatch(value):
            raise serializers.ValidationError(
                _("Enter an ISO 8601 datetime with a UTC offset, for example 2027-01-31T23:59:59+01:00."),
                code="invalid",
            )
        at: datetime = super().to_internal_value(value)
        if not datetimes.is_supported_datetime(at):
            self.fail("overflow")
        return at


class _DateOrDateTimeField(serializers.Field[Any, Any, Any, Any]):
    """A datetime with a UTC offset, or a date, whose instant depends on a time zone (``localize``)."""

    is_end: ClassVar[bool]

    def to_internal_value(self, data: Any) -> "datetime | LocalDate":
        if isinstance(data, str) and datetimes.DATE.fullmatch(data):
            day = serializers.DateField().run_validation(data)
            if not datetimes.is_supported_date(day, is_end=self.is_end):
                raise serializers.ValidationError(UNSUPPORTED_YEAR, code="invalid")
            return LocalDate(day, is_end=self.is_end)
        at: datetime = AwareDateTimeField().run_validation(data)
        return at

    def to_representation(self, value: datetime) -> str:
        return value.astimezone(UTC).isoformat()


@extend_schema_field(
    {"type": "string", "description": "Datetime with a UTC offset, or a date, from its first instant on"}
)
class StartField(_DateOrDateTimeField):
    """The start of a period. A date means its first instant in the time zone."""

    is_end = False


@extend_schema_field(
    {"type": "string", "description": "Datetime with a UTC offset (exclusive), or a date, which is included"}
)
class EndField(_DateOrDateTimeField):
    """The end of a period, which is exclusive. A date means the whole day, so the period ends with the next one."""

    is_end = True


@dataclass(frozen=True, slots=True)
class LocalDate:
    """A date as the start or the end of a period, in a time zone that isn't known yet."""

    day: date
    is_end: bool


def validate(serializer_class: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """Return the validated data of a hot request. Raises ValidationError.

    One instance of the serializer serves all requests, because creating one copies each of its fields. So the
    serializer must not keep anything of a request.
    """
    validated: dict[str, Any] = _cached_serializer(serializer_class).run_validation(data)
    return validated


@cache
def _cached_serializer(serializer_class: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    serializer = serializer_class()
    _ = serializer.fields  # created before other threads can use the serializer
    return serializer


def localize(value: datetime | LocalDate, zone: str) -> datetime:
    """Return in UTC the instant of a validated ``StartField`` or ``EndField``; a date is one of the time zone."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return (periods.end_of_day if value.is_end else periods.start_of_day)(value.day, ZoneInfo(zone))


def parse_minor_units(text: str, currency: str, field: str) -> int:
    """Return the minor units of an amount in its currency. Raises ValidationError for too many decimals."""
    try:
        return money.parse(text, currency)
    except ValueError as error:
        detail = translate(error.args[0])
        raise serializers.ValidationError({field: [ErrorDetail(detail, code="invalid")]}) from error
