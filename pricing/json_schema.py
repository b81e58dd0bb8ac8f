"""JSON Schema of offers, derived from the tables that the parser uses.

Each kind of condition and benefit is an object without other properties, chosen by its `kind`. `allOf` states the rules
across its keys and the options that have no effect where the benefit stands; those may only have their default value.

The parser is stricter in what a schema can't say: order (tiers, ranges, dates), currencies and their decimals, declared
attributes, and selections that select nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field
from typing import Any

from pricing import fields as f
from pricing import money_fields as m
from pricing.condition_schema import CONDITIONS, NESTED, SELECT
from pricing.options import ALL_OPTIONS, EACH_RULE, OPTIONS, list_options
from pricing.records import Key, Record
from pricing.schema import BENEFITS, OFFER, PROFILE
from pricing.schema_parts import (
    NULL,
    PLAIN_VALUES,
    Schema,
    build_amount,
    build_integer,
    build_percentage,
    build_rule,
    make_nullable,
    only_default,
    require,
    restrict_tier,
)

PRODUCTS = tuple(key.name for key in SELECT.keys if key.name != "shipping_ids")


@dataclass(slots=True)
class Builder:
    """Builder of the definitions that the schema of an offer refers to.

    It writes OpenAPI 3.0, in which `nullable` is a keyword; `to_json_schema` converts it to JSON Schema.
    """

    prefix: str = "#/components/schemas/"
    definitions: dict[str, Schema] = field(default_factory=dict)

    def define(self, name: str, build: Callable[[], Schema]) -> Schema:
        """Add a definition once, and return a reference to it."""
        if name not in self.definitions:
            self.definitions[name] = {}  # its place, before those that it refers to
            self.definitions[name] = build()
        return {"$ref": f"{self.prefix}{name}"}

    # --- values -------------------------------------------------------------------------------------------------------
    def build_value(self, kind: f.Kind) -> Schema:
        """Return the schema of a value of a kind."""
        if type(kind) in PLAIN_VALUES:
            return PLAIN_VALUES[type(kind)](kind)
        if isinstance(kind, Record):
            return self.build_object(kind)
        if isinstance(kind, f.ListOf):
            limits = {"minItems": kind.low, "maxItems": kind.high} if kind.low else {"maxItems": kind.high}
            return {"type": "array", "items": self.build_value(kind.item)} | limits
        return self._build_number(kind)

    def _build_number(self, kind: f.Kind) -> Schema:
        """Return the schema of an amount, a percentage, or the start or the value of a tier."""
        if isinstance(kind, m.Money):
            is_positive = kind.positive
            name = "OfferPositiveAmount" if is_positive else "OfferAmount"
            return self.define(name, lambda: build_amount(positive=is_positive))
        if isinstance(kind, m.Percentage):
            has_zero = kind.zero
            return self.define(
                "OfferPercentageOrZero" if has_zero else "OfferPercentage", lambda: build_percentage(zero=has_zero)
            )
        if isinstance(kind, m.MoneyOrCount):
            return {"oneOf": [self.build_value(m.Money()), build_integer(m.TIER_COUNT)]}
        return {"anyOf": [self.build_value(m.Money()), self.build_value(m.Percentage(zero=True))]}

    def build_key(self, key: Key, record: Record) -> Schema:
        """Return the schema of a key, which may be null if it has a default."""
        schema = self.build_value(key.kind)
        return schema if record.defaults[key.target] is MISSING and not key.alias else make_nullable(schema)

    # --- objects ------------------------------------------------------------------------------------------------------
    def build_object(self, record: Record, kind: str = "", dropped: frozenset[str] = frozenset()) -> Schema:
        """Return the schema of a record, without the `dropped` keys (`pick`, or `select.skus`)."""
        if record is SELECT:
            is_of_shipping = dropped >= {f"select.{name}" for name in PRODUCTS}
            name = "OfferShippingSelection" if is_of_shipping else "OfferSelection"
            if "select.shipping_ids" not in dropped and not is_of_shipping:
                name = "OfferProductAndShippingSelection"
            return self.define(name, lambda: self._build_record(record, "", names_of_select(dropped)))
        return self._build_record(record, kind, dropped)

    def _build_record(self, record: Record, kind: str, dropped: frozenset[str]) -> Schema:
        properties: dict[str, Schema] = {"kind": {"type": "string", "enum": [kind]}} if kind else {}
        required = ["kind"] if kind else []
        rules: list[Schema] = []
        for owner in [record, record.inline[1]] if record.inline else [record]:
            for key in owner.keys:
                if key.name in dropped:
                    continue
                is_selection = key.kind is SELECT
                schema = self.build_object(SELECT, dropped=dropped) if is_selection else self.build_key(key, owner)
                is_required = owner.defaults[key.target] is MISSING
                properties[key.name] = schema if is_required or not is_selection else make_nullable(schema)
                if is_required and key.alias:
                    properties[key.alias] = properties[key.name]
                    rules.append({"anyOf": [require(key.name), require(key.alias)]})
                elif is_required:
                    required.append(key.name)
            rules += [build_rule(rule) for rule in owner.rules]
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return schema | ({"required": required} if required else {}) | ({"allOf": rules} if rules else {})

    def build_choice(self, references: Mapping[str, Schema]) -> Schema:
        """Return a choice among objects by their kinds."""
        mapping = {kind: reference["$ref"] for kind, reference in references.items()}
        return {"oneOf": list(references.values()), "discriminator": {"propertyName": "kind", "mapping": mapping}}

    # --- conditions and benefits --------------------------------------------------------------------------------------
    def build_condition(self, depth: int) -> Schema:
        """Return a reference to the conditions that may stand inside `depth` others."""
        names = [kind for kind in CONDITIONS if kind not in NESTED.containers or depth <= NESTED.max_depth]
        references = {kind: self._define_condition(kind, depth) for kind in names}
        return self.define(f"OfferCondition{'Inside' * depth}", lambda: self.build_choice(references))

    def _define_condition(self, kind: str, depth: int) -> Schema:
        if kind not in NESTED.containers:
            dropped = frozenset({"select.shipping_ids"})
            return self.define(name_part(kind, "Condition"), lambda: self.build_object(CONDITIONS[kind], kind, dropped))
        name = f"{name_part(kind, 'Condition')}{'Inside' * depth}"
        return self.define(name, lambda: self._build_container(kind, depth))

    def _build_container(self, kind: str, depth: int) -> Schema:
        inner = self.build_condition(depth + 1)
        (key,) = CONDITIONS[kind].keys
        value = inner
        if isinstance(key.kind, f.ListOf):
            value = {"type": "array", "items": inner, "minItems": key.kind.low, "maxItems": key.kind.high}
        properties = {"kind": {"type": "string", "enum": [kind]}, key.name: value}
        required = ["kind", key.name]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    def build_benefit(self, kind: str) -> Schema:
        """Return the schema of a kind of benefit."""
        record = BENEFITS[kind]
        dropped = ALL_OPTIONS - list_options(kind)
        if kind == "buy_get":  # its own selections are of products, too
            dropped |= {"select.shipping_ids"}
        schema = self.build_object(record, kind, dropped)
        rules = [*schema.pop("allOf", []), *self._restrict_options(kind)]
        if kind == "tiers":
            rules += self._restrict_tiers()
        return schema | ({"allOf": rules} if rules else {})

    def _restrict_options(self, kind: str) -> Iterator[Schema]:
        """Yield the options that have no effect for each `on` of a kind: they have only their default value."""
        groups: dict[frozenset[str], list[str]] = {}
        targets = next((key.kind.options for key in BENEFITS[kind].keys if key.name == "on"), ())  # type: ignore[attr-defined]
        for target in targets:
            groups.setdefault(list_options(kind) - OPTIONS[kind, str(target)], []).append(str(target))
        if "each" in list_options(kind):
            yield build_rule(EACH_RULE)
        if len(groups) > 1:
            yield {"anyOf": [self._restrict(kind, targets, useless) for useless, targets in groups.items()]}

    def _restrict(self, kind: str, targets: list[str], useless: frozenset[str]) -> Schema:
        record, by_line = BENEFITS[kind], {"basis": {"enum": ["line_amount"]}}
        keys = {key.name: (key, owner) for owner in (record, record.inline[1]) if owner for key in owner.keys}  # type: ignore[index]
        select = {name.removeprefix("select.") for name in useless if name.startswith("select.")}
        properties = {name: only_default(*keys[name]) for name in sorted(useless) if name in keys}
        if select:
            own = {key.name: only_default(key, SELECT) for key in SELECT.keys if key.name in select}
            properties["select"] = make_nullable({"type": "object", "properties": own})
        if kind != "tiers":
            has_default = "order" in targets
            on = {"on": make_nullable({"type": "string", "enum": targets}) if has_default else {"enum": targets}}
            return {"properties": on | properties} | ({} if has_default else {"required": ["on"]})
        stated = {"properties": {"on": {"enum": targets}} | properties, "required": ["on"]}
        absent: Schema = {"properties": {"on": NULL} | properties}
        if "order" in targets:
            return {"anyOf": [stated, absent | {"not": {"properties": by_line, "required": ["basis"]}}]}
        if "line" in targets:
            absent["properties"] |= by_line
            return {"anyOf": [stated, absent]}
        return stated

    def _restrict_tiers(self) -> Iterator[Schema]:
        """Yield the values of tiers by their unit, their starts by the basis, and the target of tiers by line."""
        amount, percentage = self.build_value(m.Money()), self.build_value(m.Percentage(zero=True))
        yield {"oneOf": [restrict_tier("unit", ["percent"], percentage), restrict_tier("unit", ["amount"], amount)]}
        count = build_integer(m.TIER_COUNT)
        by_amount = restrict_tier("basis", ["order_amount", "line_amount"], amount, "from")
        yield {"oneOf": [restrict_tier("basis", ["eligible_quantity"], count, "from"), by_amount]}
        of_lines: Schema = {"on": make_nullable({"type": "string", "enum": ["line"]})}
        yield {"anyOf": [{"properties": {"basis": {"not": {"enum": ["line_amount"]}}}}, {"properties": of_lines}]}

    def build_offer(self) -> Schema:
        """Return the schema of an offer."""
        conditions = self.build_condition(0)
        benefits = {
            kind: self.define(name_part(kind, "Benefit"), lambda kind=kind: self.build_benefit(kind))  # type: ignore[misc]
            for kind in BENEFITS
        }
        benefit = self.define("OfferBenefit", lambda: self.build_choice(benefits))
        schema = self._build_record(OFFER, "", frozenset({"conditions", "benefits"}))
        lists = {}
        for name, items in (("conditions", conditions), ("benefits", benefit)):
            key = next(key for key in OFFER.keys if key.name == name)
            lists[name] = {"type": "array", "items": items, "maxItems": key.kind.high}  # type: ignore[attr-defined]
        lists["conditions"] = make_nullable(lists["conditions"])
        lists["benefits"] |= {"minItems": 1}
        combines = {"exclusive": {"enum": [False, None]}, "combinable": {"enum": [True, None]}}
        unset = {"properties": {"with_exclusive": {"enum": [False, None]}}}
        rules = {"allOf": [{"anyOf": [{"properties": combines}, unset]}]}
        return schema | {"properties": lists | schema["properties"], "required": ["benefits"]} | rules


def build_definitions() -> dict[str, Schema]:
    """Return the definitions for an OpenAPI 3.0 document; `Offer` is an offer, `PricingProfile` a pricing profile."""
    builder = Builder()
    builder.define("Offer", builder.build_offer)
    builder.define("PricingProfile", lambda: builder.build_object(PROFILE))
    return builder.definitions


def build_json_schema() -> Schema:
    """Return the JSON Schema (2020-12) of an offer."""
    builder = Builder(prefix="#/$defs/")
    offer = builder.build_offer()
    definitions = {name: to_json_schema(schema) for name, schema in sorted(builder.definitions.items())}
    head: Schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Offer"}
    head |= to_json_schema(offer)
    return head | {"$defs": definitions}


def to_json_schema(schema: Any) -> Any:
    """Convert a schema of OpenAPI 3.0 to JSON Schema, in which null is a type and discriminators have no meaning."""
    if isinstance(schema, list):
        return [to_json_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    unknown = ("nullable", "discriminator")
    converted = {name: to_json_schema(part) for name, part in schema.items() if name not in unknown}
    if not schema.get("nullable"):
        return converted
    if "enum" in converted:  # which contains null
        return {name: part for name, part in converted.items() if name != "type"}
    if "type" in converted:
        return converted | {"type": [converted["type"], "null"]}
    return {"anyOf": [*converted.get("allOf", [converted]), {"type": "null"}]}


def names_of_select(dropped: frozenset[str]) -> frozenset[str]:
    """Return the dropped keys of a selection."""
    return frozenset(name.removeprefix("select.") for name in dropped if name.startswith("select."))


def name_part(kind: str, suffix: str) -> str:
    """Return the name of the definition of a kind: `min_subtotal` is `MinSubtotalCondition`."""
    return "".join(map(str.capitalize, kind.split("_"))) + suffix
