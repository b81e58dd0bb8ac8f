"""The kinds of single value in an offer's document: each can be read strictly and written again.

Reading never stops at the first fault: it notes it in `Reading.faults` and goes on, so that an author sees them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from pricing.errors import FieldError

MONEY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]+)?")
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FULL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(slots=True)
class ParseContext:
    """One reading of one document: what was wrong, the amounts met so far (to check against their currency), and
    where a tier's value was a bare number."""

    exponent: Callable[[str], int]
    errors: list[FieldError] = field(default_factory=list)
    amounts: list[tuple[str, Decimal]] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)

    def add_error(self, path: str, code: str, detail: str) -> Any:
        """Notes a fault and answers None, which stands for the value that could not be read."""
        self.errors.append((path, code, detail))
        return None

    def unit_of(self, currency: str, path: str) -> int | None:
        """The decimals of a currency; None, and a fault, when nobody knows it."""
        try:
            return self.exponent(currency)
        except (LookupError, ValueError):
            self.add_error(path, "unknown_currency", f"{currency} is not a currency.")
            return None

    def fits(self, currency: str | None, path: str) -> None:
        """Notes every amount under `path` that has more decimals than `currency`."""
        decimals = None if currency is None else self.unit_of(currency, f"{path}.currency")
        if decimals is None:
            return
        for where, amount in self.amounts:
            if where.startswith(f"{path}.") and places(amount) > decimals:
                self.add_error(where, "too_many_decimals", f"{currency} has {decimals} decimals.")


def is_storable(text: str) -> bool:
    """Whether a text is well-formed Unicode without NUL, as every store of it needs."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def places(number: Decimal) -> int:
    """How many decimals a number is written with."""
    return max(0, -int(number.as_tuple().exponent))


class Kind(Protocol):
    """A kind of value. `read` answers anything at all (mostly None) after noting a fault."""

    def read(self, value: object, path: str, reading: ParseContext) -> Any: ...

    def dump(self, value: Any) -> object: ...


class Plain:
    """A kind whose value is written as it is held."""

    def dump(self, value: Any) -> object:
        return value


@dataclass(frozen=True, slots=True)
class Text(Plain):
    """A text of 1 to `longest` characters; `upper` ones are matched without regard to case."""

    max_length: int = 255
    upper: bool = False
    shape: str | None = None

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        if not isinstance(value, str):
            return reading.add_error(path, "wrong_type", "This must be a text.")
        text = value.strip().upper() if self.upper else value
        if not 1 <= len(text) <= self.max_length:
            return reading.add_error(path, "out_of_range", f"This must have 1 to {self.max_length} characters.")
        if not is_storable(text) or (self.shape is not None and not re.fullmatch(self.shape, text)):
            return reading.add_error(path, "invalid", "This does not have the right form.")
        return text


@dataclass(frozen=True, slots=True)
class Integer(Plain):
    """A whole number."""

    low: int
    high: int

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            return reading.add_error(path, "wrong_type", "This must be a whole number.")
        if not self.low <= value <= self.high:
            return reading.add_error(path, "out_of_range", f"This must be from {self.low} to {self.high}.")
        return value


class Boolean(Plain):
    """True or false."""

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        return (
            value if isinstance(value, bool) else reading.add_error(path, "wrong_type", "This must be true or false.")
        )


@dataclass(frozen=True, slots=True)
class Choice(Plain):
    """One of a few values."""

    options: tuple[str | bool, ...]

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        for option in self.options:
            if value == option and type(value) is type(option):
                return value
        named = ", ".join(str(option).lower() for option in self.options)
        return reading.add_error(path, "not_a_choice", f"This must be one of: {named}.")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as a decimal string, at most twelve digits before the point."""

    positive: bool = False

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        if not isinstance(value, str):
            return reading.add_error(path, "wrong_type", 'This must be a decimal string such as "12.50".')
        if not MONEY.fullmatch(value):
            return reading.add_error(path, "invalid", "This must be a decimal amount that is not negative.")
        amount = Decimal(value)
        if self.positive and not amount:
            return reading.add_error(path, "out_of_range", "This must be more than zero.")
        reading.amounts.append((path, amount))
        return amount

    def dump(self, value: Decimal) -> object:
        return format(value, "f")


@dataclass(frozen=True, slots=True)
class Percentage:
    """A percentage above 0 (or from 0, where `zero`) up to 100 with at most two decimals; a text or a number."""

    zero: bool = False

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            return reading.add_error(path, "wrong_type", 'This must be a percentage such as "12.5".')
        text = value if isinstance(value, str) else str(value)
        if not PERCENT.fullmatch(text):
            code = "invalid" if isinstance(value, str) and not text.startswith("-") else "out_of_range"
            return reading.add_error(path, code, "This must be a percentage above 0 and up to 100.")
        percent = Decimal(text)
        if percent > 100 or (not percent and not self.zero):
            return reading.add_error(path, "out_of_range", "This must be above 0 and up to 100.")
        if places(percent.normalize()) > 2:
            return reading.add_error(path, "too_many_decimals", "A percentage has at most two decimals.")
        return percent

    def dump(self, value: Decimal) -> object:
        return format(value, "f")


class MoneyOrCount:
    """Where a tier begins: an amount as a decimal string, or a number of units."""

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        if isinstance(value, int):
            return Integer(0, 1_000_000_000).read(value, path, reading)
        return Money().read(value, path, reading)

    def dump(self, value: Decimal | int) -> object:
        return value if isinstance(value, int) else format(value, "f")


class MoneyOrPercentage:
    """A tier's value, which its `unit` says how to read: an amount as a decimal string, or a percentage."""

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        if isinstance(value, str):
            return Money().read(value, path, reading)
        reading.numbers.add(path)
        return Percentage(zero=True).read(value, path, reading)

    def dump(self, value: Decimal) -> object:
        return format(value, "f")


class Clock(Plain):
    """A time of day, "HH:MM" up to "24:00"."""

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        if not isinstance(value, str):
            return reading.add_error(path, "wrong_type", 'This must be a time such as "09:30".')
        return value if CLOCK.fullmatch(value) else reading.add_error(path, "invalid", 'This must be "HH:MM".')


class DateOrDateTime(Plain):
    """A day ("2026-12-01") or an instant with an offset ("2026-12-01T08:00:00Z"), ISO 8601."""

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        if not isinstance(value, str):
            return reading.add_error(path, "wrong_type", "This must be a date or an instant.")
        try:
            moment = date.fromisoformat(value) if len(value) == 10 else parse_datetime(value)
        except ValueError:
            return reading.add_error(path, "invalid", "This must be an ISO 8601 date or instant.")
        if isinstance(moment, datetime) and moment.tzinfo is None:
            return reading.add_error(path, "invalid", "An instant needs an offset.")
        return value


def parse_datetime(text: str) -> datetime:
    """An ISO 8601 instant. Raises ValueError."""
    return datetime.fromisoformat(text)


class Weekday(Plain):
    """A day of the week: "mon", "Monday" or its ISO number (1 is Monday); held as "mon"."""

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 7:
            return DAYS[value - 1]
        if isinstance(value, str) and value.lower() in DAYS + FULL_DAYS:
            return value.lower()[:3]
        return reading.add_error(path, "not_a_choice", "This must be one of: mon, tue, wed, thu, fri, sat, sun.")


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of `low` to `high` values of one kind."""

    item: Kind
    low: int = 0
    high: int = 1000

    def read(self, value: object, path: str, reading: ParseContext) -> Any:
        if not isinstance(value, list | tuple):
            reading.add_error(path, "wrong_type", "This must be a list.")
            return ()
        if not self.low <= len(value) <= self.high:
            reading.add_error(path, "out_of_range", f"This must have {self.low} to {self.high} entries.")
            return ()
        return tuple(self.item.read(each, f"{path}.{index}", reading) for index, each in enumerate(value))

    def dump(self, value: tuple[Any, ...]) -> object:
        return [self.item.dump(each) for each in value]
