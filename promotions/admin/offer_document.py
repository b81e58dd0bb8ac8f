"""Conversion between an offer's document and the fields of the offer form, named like ``benefits-0-select-skus``."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pricing import dump_offer, load_offer
from pricing import fields as kinds
from pricing import money_fields as money_kinds
from pricing.attributes import parse_attribute
from promotions.admin.offer_fields import (
    LANGUAGE_KINDS,
    NEGATION,
    OFFER_PATHS,
    PRESETS,
    get_form_kind,
    list_kind_paths,
    to_initial,
)
from promotions.admin.offer_labels import ANY_OF, BENEFIT_LABELS, CONDITION_LABELS

MAX_PARTS = {"benefits": 5, "conditions": 20}
MIN_ALTERNATIVES, MAX_ALTERNATIVES = 2, 10
DEFAULT_KINDS = {"benefits": "percent", "conditions": "min_subtotal"}
KIND_LABELS = {"benefits": BENEFIT_LABELS, "conditions": CONDITION_LABELS}
MAX_TIERS = 50
_TIER = re.compile(r"(\d{1,2})-(?:from|value)")
_TARGET = re.compile(r"(benefits|conditions(?:-\d{1,2}-conditions)?)(?:-(\d{1,2}))?")  # a list of parts, or one of them

Values = dict[str, Any]


# --- from the document to values -------------------------------------------------------------------------------------
def flatten(document: object) -> Values:
    """Return the values of the form's fields for an offer's document. Raises OfferInvalid."""
    canonical = dump_offer(load_offer(document))
    values = {path.name: to_initial(canonical.get(path.name)) for path in OFFER_PATHS}
    for section in MAX_PARTS:
        for index, part in enumerate(canonical[section]):
            values |= _flatten_part(section, f"{section}-{index}", part)
    return values


def _flatten_part(section: str, base: str, part: Mapping[str, Any]) -> Values:
    """Return the values of the fields of one part, and of the alternatives inside it."""
    kind = get_form_kind(section, part)
    if kind == ANY_OF:
        values: Values = {f"{base}-kind": kind}
        for index, alternative in enumerate(part["conditions"]):
            values |= _flatten_part(section, f"{base}-conditions-{index}", alternative)
        return values
    shown = part["condition"] if kind.startswith(NEGATION) else part
    content = {name: value for name, value in shown.items() if name != "kind"}
    return {f"{base}-kind": kind, **dict(_iter_values(base, content))}


def _iter_values(base: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and the value of each field for a part of a document."""
    if isinstance(value, Mapping) and not is_amount(value):
        for name, inner in value.items():
            yield from _iter_values(f"{base}-{name}", inner)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for index, inner in enumerate(value):
            yield from _iter_values(f"{base}-{index}", inner)
    else:
        yield base, dict(value) if isinstance(value, Mapping) else to_initial(value)


def is_amount(value: Mapping[str, Any]) -> bool:
    """Return whether an object of a document is an amount per currency."""
    return all(re.fullmatch("[A-Z]{3}", name) for name in value) and bool(value)


def extract_prefixed(data: Any, prefix: str) -> Values:
    """Return the submitted values whose names have the prefix, without it. Several values of a name become a list."""
    extracted: Values = {}
    for name in data:
        if name.startswith(f"{prefix}-"):
            values = data.getlist(name) if hasattr(data, "getlist") else [data[name]]
            extracted[name.removeprefix(f"{prefix}-")] = values[0] if len(values) == 1 else values
    return extracted


def list_part_kinds(values: Values, section: str, path: str = "") -> list[str]:
    """Return the kinds of a section's parts, or of the alternatives at a path, in order.

    An unknown kind becomes the default kind; so does a group of alternatives inside another one.
    """
    known = KIND_LABELS[section].keys() - ({ANY_OF} if path else set())
    part_kinds = []
    for index in range(MAX_ALTERNATIVES if path else MAX_PARTS[section]):
        kind = values.get(f"{path or section}-{index}-kind")
        if kind is None:
            break
        is_known = isinstance(kind, str) and kind in known
        part_kinds.append(kind if is_known else DEFAULT_KINDS[section])
    return part_kinds


def list_alternatives(values: Values, base: str) -> list[str]:
    """Return the kinds of the alternatives of a part, at least two."""
    part_kinds = list_part_kinds(values, "conditions", f"{base}-conditions")
    return part_kinds + [DEFAULT_KINDS["conditions"]] * (MIN_ALTERNATIVES - len(part_kinds))


def count_tiers(values: Values, base: str) -> int:
    """Return the number of tiers of a part, including empty ones."""
    matches = (_TIER.fullmatch(name.removeprefix(f"{base}-tiers-")) for name in values if name.startswith(base))
    return min(MAX_TIERS, max((int(match[1]) + 1 for match in matches if match), default=0))


# --- buttons ---------------------------------------------------------------------------------------------------------
def apply_action(values: Values, action: str) -> Values:
    """Return the values after a button: ``add benefits``, ``remove benefits-0`` or ``add_tiers benefits-0``.

    ``conditions-0-conditions`` is the list of the alternatives of a condition.

    Any other action, such as the ``update`` after a change of a kind, leaves the values as they are.
    """
    verb, _, target = action.partition(" ")
    if match := _TARGET.fullmatch(target):
        path, index = match[1], match[2]
        section = path if path in MAX_PARTS else "conditions"
        if verb == "add" and index is None:
            count = len(list_part_kinds(values, section, "" if path == section else path))
            most = MAX_PARTS[section] if path == section else MAX_ALTERNATIVES
            return values | ({f"{path}-{count}-kind": DEFAULT_KINDS[section]} if count < most else {})
        if verb == "remove" and index is not None:
            return _remove_part(values, path, int(index))
    if verb == "add_tiers":
        tiers = count_tiers(values, target)
        return values | {f"{target}-tiers-{tier}-from": "" for tier in (tiers, tiers + 1) if tier < MAX_TIERS}
    return values


def _remove_part(values: Values, path: str, removed: int) -> Values:
    """Return the values without a part. The parts after it move up."""
    remaining: Values = {}
    for name, value in values.items():
        match = re.fullmatch(rf"{path}-(\d{{1,2}})-(.+)", name)
        if match is None:
            remaining[name] = value
        elif (index := int(match[1])) != removed:
            remaining[f"{path}-{index - (index > removed)}-{match[2]}"] = value
    return remaining


# --- from values to the document -------------------------------------------------------------------------------------
class FormDocument:
    """The document that the values of a form describe. ``fields`` maps each path in it to the name of a field.

    ``attributes`` are the types of the brand's attributes by name.
    """

    def __init__(self, values: Values, attributes: Mapping[str, str]) -> None:
        self.values, self.attributes = values, attributes
        self.fields: dict[str, str] = {}
        self.document: dict[str, Any] = {}
        for path in OFFER_PATHS:
            self._set_value(self.document, path.name, path.kind, path.name, path.name)
        for section in MAX_PARTS:
            self.document[section] = [
                self._build_part(section, f"{section}-{index}", f"{section}.{index}", kind)
                for index, kind in enumerate(list_part_kinds(values, section))
            ]

    def _build_part(self, section: str, base: str, part_path: str, kind: str) -> dict[str, Any]:
        if kind == ANY_OF:
            self.fields[part_path] = f"{base}-kind"
            alternatives = [
                self._build_part(section, f"{base}-conditions-{index}", f"{part_path}.conditions.{index}", alternative)
                for index, alternative in enumerate(list_alternatives(self.values, base))
            ]
            return {"kind": kind, "conditions": alternatives}
        if kind.startswith(NEGATION):
            self.fields[part_path] = f"{base}-kind"
            inner = self._build_keys(section, kind.removeprefix(NEGATION), base, f"{part_path}.condition")
            return {"kind": "not", "condition": inner}
        return self._build_keys(section, kind, base, part_path)

    def _build_keys(self, section: str, kind: str, base: str, part_path: str) -> dict[str, Any]:
        """Return the document of a part from the fields below ``base``."""
        part: dict[str, Any] = {"kind": LANGUAGE_KINDS.get(kind, kind) if section == "benefits" else kind}
        self.fields[part_path] = f"{base}-kind"
        for path in list_kind_paths(section, kind):
            if path.name == "tiers":
                part["tiers"] = self._build_tiers(base, part_path)
            else:
                self._set_value(part, path.name, path.kind, f"{base}-{path.name}", f"{part_path}.{path.name}")
        if kind == "attribute":
            part = {key: self._convert_values(key, value, part.get("name", "")) for key, value in part.items()}
        if kind in ("contains", "none_of"):  # the language requires a selection; blank fields select all products
            part.setdefault("select", {})
        return part | PRESETS.get(kind, {})

    def _convert_values(self, key: str, value: Any, name: str) -> Any:
        """Return the values of a condition on an attribute with the type of the attribute."""
        type_name = self.attributes.get(name, "string")
        if key == "any":
            return [parse_attribute(text, type_name) for text in value]
        return parse_attribute(value, type_name) if key in ("from", "to") else value

    def _build_tiers(self, base: str, part_path: str) -> list[dict[str, Any]]:
        """Return the tiers of a part without the empty ones."""
        is_quantity = self.values.get(f"{base}-basis") == "eligible_quantity"
        start: kinds.Kind = kinds.Integer(0, 0) if is_quantity else money_kinds.Money()
        tiers: list[dict[str, Any]] = []
        self.fields[f"{part_path}.tiers"] = f"{base}-tiers-0-from"
        for index in range(count_tiers(self.values, base)):
            tier: dict[str, Any] = {}
            name, path = f"{base}-tiers-{index}", f"{part_path}.tiers.{len(tiers)}"
            self._set_value(tier, "from", start, f"{name}-from", f"{path}.from")
            self._set_value(tier, "value", money_kinds.Money(), f"{name}-value", f"{path}.value")
            if tier:
                tiers.append(tier)
        return tiers

    def _set_value(self, target: dict[str, Any], name: str, kind: kinds.Kind, field: str, path: str) -> None:
        """Set a key of the document to the value of its field, unless the field is blank."""
        self.fields[path.replace("-", ".")] = field
        value = parse_value(kind, self.values.get(field))
        if value in ("", None, []):
            return
        *parents, key = name.split("-")
        for parent in parents:
            target = target.setdefault(parent, {})
        target[key] = value

    def find_field(self, path: str) -> str | None:
        """Return the field for an error at a path of the document: at the path, else below it, else above it."""
        if path in self.fields:
            return self.fields[path]
        below = next((field for field_path, field in self.fields.items() if field_path.startswith(f"{path}.")), None)
        return below or (self.find_field(path.rpartition(".")[0]) if "." in path else None)


def parse_value(kind: kinds.Kind, value: Any) -> Any:
    """Return a field's value as a value of the document. Invalid values stay as they are; the parser reports them."""
    if isinstance(value, Mapping):
        return {currency: parse_value(kind, amount) for currency, amount in value.items()}
    if not isinstance(value, str):
        return value
    if isinstance(kind, kinds.Boolean):
        return {"true": True, "false": False}.get(value, value)
    if isinstance(kind, kinds.Integer):
        return int(value) if re.fullmatch(r"-?\d{1,12}", value, re.ASCII) else value
    if isinstance(kind, money_kinds.Percentage):
        value = value.removesuffix("%").strip()
    if isinstance(kind, money_kinds.Money | money_kinds.Percentage | money_kinds.MoneyOrPercentage):
        return re.sub(r"(?<=\d),(?=\d{1,4}\Z)", ".", value)
    return value
