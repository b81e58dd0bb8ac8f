"""Types of attributes, which brands declare for their carts, lines and customers."""

from __future__ import annotations

import re
from datetime import date

from core.messages import message as _

TYPE_NAMES = ("date", "string", "boolean", "number")
"""The types. A value without a declared type has the first that it fits."""

NAME_PATTERN = "[a-z][a-z0-9_]{0,63}"
MAX_TEXT = 255
MAX_NUMBER = 10**15
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def describe_type(name: str, type_name: str) -> str:
    """Return what a value of an attribute must be."""
    return {
        "date": _('The attribute %(name)s is a date, for example "2026-12-01".', name=name),
        "string": _("The attribute %(name)s is a text.", name=name),
        "boolean": _("The attribute %(name)s is true or false.", name=name),
        "number": _("The attribute %(name)s is a number.", name=name),
    }[type_name]


def has_type(value: object, name: str) -> bool:
    """Return whether a value of a JSON document has a type."""
    if name == "boolean":
        return isinstance(value, bool)
    if name == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER
    return isinstance(value, str) and (name == "string" or is_date(value))


def is_date(text: str) -> bool:
    """Return whether a text is an ISO 8601 date."""
    try:
        return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def parse_attribute(text: str, name: str) -> str | int | float | bool:
    """Convert a text that a person entered to a value of a type. A text that doesn't fit the type stays as it is."""
    if name == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if name == "number" and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text
