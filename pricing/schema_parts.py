"""Parts of the JSON Schema of offers: single values, amounts, and rules across the keys of an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pricing import fields as f
from pricing.attributes import MAX_NUMBER, MAX_TEXT, NAME_PATTERN
from pricing.key_rules import AtLeastOne, ExactlyOne, KeyRule, ListOrRange, OnlyWith
from pricing.records import Key, Record

Schema = dict[str, Any]

MONEY_PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,4})?$"
POSITIVE = r"(?!0+(\.0+)?$)"
PERCENT_PATTERN = r"(0?[0-9]{1,2}(\.[0-9]{1,2}0*)?|100(\.0+)?)$"
DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME_PATTERN = r"[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)"
NOT_NULL: Schema = {"not": {"enum": [None]}}
NULL: Schema = {"nullable": True, "enum": [None]}


def build_text(kind: f.Text) -> Schema:
    """Return the schema of a text. One that is converted to upper case may be written in any case."""
    if kind.upper and kind.pattern:
        return {"type": "string", "pattern": rf"^\s*{kind.pattern.replace('A-Z', 'A-Za-z')}\s*$"}
    return {"type": "string", "minLength": 1, "maxLength": kind.max_length}


def build_options(kind: f.Choice) -> Schema:
    """Return the schema of one of several values."""
    is_boolean = all(isinstance(option, bool) for option in kind.options)
    return {"type": "boolean" if is_boolean else "string", "enum": list(kind.options)}


def build_integer(kind: f.Integer) -> Schema:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": kind.low, "maximum": kind.high}


def build_weekday(kind: f.Weekday) -> Schema:
    """Return the schema of a day of the week: its name in any case, or its number."""
    names = "|".join("".join(f"[{letter.upper()}{letter}]" for letter in day) for day in f.DAYS + f.FULL_DAYS)
    return {"oneOf": [{"type": "string", "pattern": f"^({names})$"}, build_integer(f.Integer(1, 7))]}


def build_scalar(kind: f.Scalar) -> Schema:
    """Return the schema of a value of an attribute."""
    number = {"type": "number", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER}
    return {"oneOf": [{"type": "string", "minLength": 1, "maxLength": MAX_TEXT}, number, {"type": "boolean"}]}


PLAIN_VALUES: Mapping[type, Callable[[Any], Schema]] = {
    f.Text: build_text,
    f.Integer: build_integer,
    f.Boolean: lambda _: {"type": "boolean"},
    f.Choice: build_options,
    f.Identifier: lambda _: {"type": "string", "pattern": f"^{NAME_PATTERN}$"},
    f.Clock: lambda _: {"type": "string", "pattern": f"^({f.CLOCK.pattern})$"},
    f.DateOrDateTime: lambda _: {"type": "string", "pattern": f"{DATE_PATTERN}({TIME_PATTERN})?$"},
    f.Weekday: build_weekday,
    f.Scalar: build_scalar,
}


def build_amount(*, positive: bool) -> Schema:
    """Return the schema of an amount: a decimal string, or one for each currency."""
    pattern = f"^{POSITIVE}{MONEY_PATTERN[1:]}" if positive else MONEY_PATTERN
    text = {"type": "string", "pattern": pattern, "example": "10.00"}
    return {"oneOf": [text, {"type": "object", "minProperties": 1, "additionalProperties": text}]}


def build_percentage(*, zero: bool) -> Schema:
    """Return the schema of a percentage: a number, or a decimal string with at most two decimals."""
    pattern = f"^{'' if zero else POSITIVE}{PERCENT_PATTERN}"
    number = {"type": "number", "minimum": 0 if zero else 0.01, "maximum": 100}
    return {"oneOf": [{"type": "string", "pattern": pattern, "example": "12.5"}, number]}


def make_nullable(schema: Schema) -> Schema:
    """Return a schema that also allows null, which means that the key is absent."""
    if "$ref" in schema:
        return {"allOf": [schema], "nullable": True}
    values = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | values | {"nullable": True}


def only_default(key: Key, record: Record) -> Schema:
    """Return the schema of a key that has only its default value."""
    default = record.defaults[key.target]
    if default == ():
        return make_nullable({"type": "array", "maxItems": 0, "items": {}})
    return NULL if default is None else {"nullable": True, "enum": [default, None]}


def restrict_tier(name: str, values: list[str], schema: Schema, key: str = "value") -> Schema:
    """Return a restriction of a member of all tiers if the key `name` has one of the values."""
    item = {"type": "object", "properties": {key: schema}}
    properties: Schema = {name: {"enum": values}, "tiers": {"type": "array", "items": item}}
    if key == "value":
        properties["base"] = make_nullable(schema)
    return {"properties": properties, "required": [name]}


def require(name: str, **others: Schema) -> Schema:
    """Return a schema of objects in which a key has a value, and others have restricted ones."""
    return {"required": [name], "properties": {name: NOT_NULL} | others}


def build_rule(rule: KeyRule) -> Schema:
    """Return the schema of a rule across keys."""
    if isinstance(rule, ExactlyOne):
        choices = [require(name, **{other: NULL for other in rule.names if other != name}) for name in rule.names]
        none = {"properties": dict.fromkeys(rule.names, NULL)}
        return {"anyOf": [*choices, none] if rule.is_optional else choices}
    if isinstance(rule, AtLeastOne):
        return {"anyOf": [require(name) for name in rule.names]}
    if isinstance(rule, ListOrRange):
        names = [name for name, _ in rule.ends]
        ranges = [require(name, **{rule.name: NULL}) for name in names]
        return {"anyOf": [require(rule.name, **dict.fromkeys(names, NULL)), *ranges]}
    if isinstance(rule, OnlyWith):
        allowed: Schema = {"required": [rule.other], "properties": {rule.other: {"enum": [rule.value]}}}
        if rule.value == rule.default:
            allowed = {"properties": {rule.other: {"nullable": True, "enum": [rule.value, None]}}}
        unset = {"properties": {rule.name: {"nullable": True, "enum": [None, False]}}}
        if not rule.both:
            return {"anyOf": [allowed, unset]}
        stated = require(rule.name, **{rule.other: {"enum": [rule.value]}})
        return {"anyOf": [stated | {"required": [rule.name, rule.other]}, unset | {"not": allowed}]}
    raise TypeError(f"no schema for {rule!r}")
