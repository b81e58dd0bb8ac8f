"""Kinds of single values in an offer document. Each kind parses a value strictly and dumps it again.

Parsing does not stop at the first error: errors are collected in `ParseContext.errors`, so an author sees all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from core.messages import message as _
from core.texts import has_control_characters, to_upper_case
from pricing.attributes import MAX_TEXT, NAME_PATTERN, has_type
from pricing.errors import FieldError

CONTROL_CHARACTERS = _("Remove line breaks, control characters and marks of text direction.")
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FULL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(slots=True)
class ParseContext:
    """State of parsing one document.

    `errors` are the errors so far. `amounts` are the plain amounts so far, to check against their currency, and
    `currency_paths` the paths of amounts per currency. `number_paths` are the paths of tier values that were plain
    numbers. `attributes` are the types of the brand's attributes by name; None if they are not known.
    """

    exponent: Callable[[str], int]
    errors: list[FieldError] = field(default_factory=list)
    amounts: list[tuple[str, Decimal]] = field(default_factory=list)
    currency_paths: list[str] = field(default_factory=list)
    number_paths: set[str] = field(default_factory=set)
    attributes: Mapping[str, str] | None = None

    def add_error(self, path: str, code: str, detail: str) -> Any:
        """Record an error. Return None, in place of the value that could not be parsed."""
        self.errors.append((path, code, detail))
        return None

    def get_exponent(self, currency: str, path: str) -> int | None:
        """Return the decimals of a currency. Record an error and return None if the currency is unknown."""
        try:
            return self.exponent(currency)
        except (LookupError, ValueError):
            self.add_error(path, "unknown_currency", _("Unknown currency: %(currency)s.", currency=currency))
            return None

    def check_decimals(self, currency: str | None, path: str) -> None:
        """Record an error for every amount under `path` that has more decimals than `currency`."""
        if currency is None or self.get_exponent(currency, f"{path}.currency") is None:
            return
        for amount_path, amount in self.amounts:
            if amount_path.startswith(f"{path}."):
                self.check_amount(amount, currency, amount_path)

    def check_amount(self, amount: Decimal, currency: str, path: str) -> None:
        """Record an error for an amount with more decimals than its currency, or in an unknown currency."""
        decimals = self.get_exponent(currency, path)
        if decimals is not None and decimal_places(amount) > decimals:
            detail = _("Use at most %(places)s decimals for %(currency)s.", places=decimals, currency=currency)
            self.add_error(path, "max_decimal_places", detail)

    def check_currency(self, currency: str | None, path: str) -> None:
        """Check the amounts under `path` against the `currency` that their part declares."""
        self.check_decimals(currency, path)
        if currency is not None and any(name.startswith(f"{path}.") for name in self.currency_paths):
            detail = _("Amounts per currency and currency exclude each other.")
            self.add_error(f"{path}.currency", "invalid", detail)


def join_path(path: str, name: str) -> str:
    """Join `benefits.0` and `value` to `benefits.0.value`."""
    return f"{path}.{name}" if path else name


def is_storable(text: str) -> bool:
    """Return whether a text is valid Unicode, so that it can be stored."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def decimal_places(number: Decimal) -> int:
    """Return the number of decimals that a number is written with."""
    return max(0, -int(number.as_tuple().exponent))


class Kind(Protocol):
    """Kind of value. After recording an error, `read` may return any value, usually None."""

    def read(self, value: object, path: str, context: ParseContext) -> Any: ...

    def dump(self, value: Any) -> object: ...


class Plain:
    """Mixin for kinds whose parsed value is dumped unchanged."""

    def dump(self, value: Any) -> object:
        return value


@dataclass(frozen=True, slots=True)
class Text(Plain):
    """Text of 1 to `max_length` characters. With `upper` it is converted to uppercase."""

    max_length: int = 255
    upper: bool = False
    pattern: str | None = None

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if not isinstance(value, str):
            return context.add_error(path, "invalid", _("Expected a string."))
        text = to_upper_case(value.strip()) if self.upper else value
        if not text:
            return context.add_error(path, "blank", _("This field can't be blank."))
        if len(text) > self.max_length:
            return context.add_error(path, "max_length", _("Use at most %(max)s characters.", max=self.max_length))
        if has_control_characters(text):
            return context.add_error(path, "control_characters", CONTROL_CHARACTERS)
        if not is_storable(text) or (self.pattern is not None and not re.fullmatch(self.pattern, text)):
            return context.add_error(path, "invalid", _("Invalid format."))
        return text


@dataclass(frozen=True, slots=True)
class Integer(Plain):
    """Whole number from `low` to `high`."""

    low: int
    high: int

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            return context.add_error(path, "invalid", _("Expected a whole number."))
        if value < self.low:
            return context.add_error(path, "min_value", _("Must be at least %(min)s.", min=self.low))
        if value > self.high:
            return context.add_error(path, "max_value", _("Must be at most %(max)s.", max=self.high))
        return value


class Boolean(Plain):
    """True or false."""

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        return value if isinstance(value, bool) else context.add_error(path, "invalid", _("Expected true or false."))


@dataclass(frozen=True, slots=True)
class Choice(Plain):
    """One of several values."""

    options: tuple[str | bool, ...]

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        for option in self.options:
            if value == option and type(value) is type(option):
                return value
        options_text = ", ".join(str(option).lower() for option in self.options)
        return context.add_error(path, "invalid_choice", _("Choose one of: %(choices)s.", choices=options_text))


class Identifier(Plain):
    """Name of an attribute: lower-case letters, digits and underscores."""

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if isinstance(value, str) and re.fullmatch(NAME_PATTERN, value):
            return value
        return context.add_error(path, "invalid", _("Enter the name of an attribute, for example customer_tier."))


class Scalar(Plain):
    """Value of an attribute: a text, a number, true or false."""

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if isinstance(value, str):
            return Text(MAX_TEXT).read(value, path, context)
        if has_type(value, "number") or has_type(value, "boolean"):
            return value
        return context.add_error(path, "invalid", _("Enter a text, a number, true or false."))


class Clock(Plain):
    """Time of day, "HH:MM" up to "24:00"."""

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if not isinstance(value, str):
            return context.add_error(path, "invalid", _('Enter a time, for example "09:30".'))
        return value if CLOCK.fullmatch(value) else context.add_error(path, "invalid", _('Enter a time as "HH:MM".'))


class DateOrDateTime(Plain):
    """ISO 8601 date ("2026-12-01") or datetime with a UTC offset ("2026-12-01T08:00:00Z")."""

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if not isinstance(value, str):
            return context.add_error(path, "invalid", _("Expected a date or datetime."))
        try:
            parsed = date.fromisoformat(value) if len(value) == 10 else parse_datetime(value)
        except ValueError:
            return context.add_error(path, "invalid", _("Enter an ISO 8601 date or datetime."))
        if isinstance(parsed, datetime) and parsed.tzinfo is None:
            return context.add_error(
                path, "invalid", _("Enter a datetime with a UTC offset, for example 2027-01-31T23:59:59+01:00.")
            )
        return value


def parse_datetime(text: str) -> datetime:
    """Parse an ISO 8601 datetime. Raises ValueError."""
    return datetime.fromisoformat(text)


class Weekday(Plain):
    """Day of the week: "mon", "Monday" or the ISO number (1 is Monday). It is stored as "mon"."""

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 7:
            return DAYS[value - 1]
        if isinstance(value, str) and value.lower() in DAYS + FULL_DAYS:
            return value.lower()[:3]
        return context.add_error(path, "invalid_choice", _("Choose one of: %(choices)s.", choices=", ".join(DAYS)))


@dataclass(frozen=True, slots=True)
class ListOf:
    """List of `low` to `high` values of one kind."""

    item: Kind
    low: int = 0
    high: int = 1000

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if not isinstance(value, list | tuple):
            context.add_error(path, "invalid", _("Expected a list."))
            return ()
        if len(value) < self.low:
            context.add_error(path, "min_length", _("Provide %(min)s or more entries.", min=self.low))
            return ()
        if len(value) > self.high:
            context.add_error(path, "max_length", _("Provide at most %(max)s entries.", max=self.high))
            return ()
        return tuple(self.item.read(entry, f"{path}.{index}", context) for index, entry in enumerate(value))

    def dump(self, value: tuple[Any, ...]) -> object:
        return [self.item.dump(entry) for entry in value]
