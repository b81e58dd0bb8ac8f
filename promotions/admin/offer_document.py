"""Between an offer's document and the flat names of the offer form: ``benefits-0-select-skus``."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pricing import dump_offer, parse_offer
from pricing import fields as kinds
from promotions.admin.offer_fields import PRESETS, TOP, WHICH, kind_of, paths_of_kind, to_initial
from promotions.admin.offer_labels import BENEFIT_LABELS, CONDITION_LABELS

MAX_PARTS = {"benefits": 5, "conditions": 20}
FIRST = {"benefits": "percent", "conditions": "min_subtotal"}
KNOWN = {"benefits": BENEFIT_LABELS, "conditions": CONDITION_LABELS}
MAX_ROWS = 50
NEW = {"benefits-0-kind": "percent"}
_ROW = re.compile(r"(\d{1,2})-(?:from|value)")

Values = dict[str, Any]


# --- the document as values ------------------------------------------------------------------------------------------
def flatten(document: object) -> Values:
    """The values of a form that says what the document does. Raises OfferInvalid for what is no offer."""
    canonical = dump_offer(parse_offer(document))
    values = {place.name: to_initial(canonical.get(place.name)) for place in TOP}
    for section in MAX_PARTS:
        for index, part in enumerate(canonical[section]):
            base = f"{section}-{index}"
            kind = kind_of(section, part)
            inside = {name: value for name, value in part.items() if name != "kind"}
            values |= {f"{base}-kind": kind, f"{base}-was": kind, **dict(_named(base, inside))}
    return values


def _named(base: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every value inside a document, by its name."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _named(f"{base}-{name}", inner)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for index, inner in enumerate(value):
            yield from _named(f"{base}-{index}", inner)
    else:
        yield base, to_initial(value)


def extract_prefixed(data: Any, prefix: str) -> Values:
    """What was sent below a prefix; of several values of one name the list."""
    found: Values = {}
    for name in data:
        if name.startswith(f"{prefix}-"):
            values = data.getlist(name) if hasattr(data, "getlist") else [data[name]]
            found[name.removeprefix(f"{prefix}-")] = values[0] if len(values) == 1 else values
    return found


def parts_of(values: Values, section: str) -> list[str]:
    """The kinds of a section's parts, in order."""
    found = []
    for index in range(MAX_PARTS[section]):
        kind = values.get(f"{section}-{index}-kind")
        if kind is None:
            break
        found.append(kind if isinstance(kind, str) and kind in KNOWN[section] else FIRST[section])
    return found


def rows_of(values: Values, base: str) -> int:
    """How many steps a part has, written or empty."""
    numbers = (_ROW.fullmatch(name.removeprefix(f"{base}-tiers-")) for name in values if name.startswith(base))
    return min(MAX_ROWS, max((int(found[1]) + 1 for found in numbers if found), default=0))


# --- buttons ---------------------------------------------------------------------------------------------------------
def apply_action(values: Values, action: str) -> Values:
    """The values after a button of the form: a part or steps more, a part less, or another kind of one."""
    verb, _, what = action.partition(" ")
    section, _, index = what.partition("-")
    if section in MAX_PARTS:
        kinds_ = parts_of(values, section)
        if verb == "add" and len(kinds_) < MAX_PARTS[section]:
            values = values | {f"{section}-{len(kinds_)}-kind": FIRST[section]}
        elif verb == "drop" and index.isdecimal() and len(index) < 3:
            values = _dropped(values, section, int(index))
        elif verb == "rows":
            rows = rows_of(values, what)
            values = values | {f"{what}-tiers-{row}-from": "" for row in (rows, rows + 1) if row < MAX_ROWS}
    return values


def _dropped(values: Values, section: str, gone: int) -> Values:
    """Without one part; those after it move up."""
    kept: Values = {}
    for name, value in values.items():
        found = re.fullmatch(rf"{section}-(\d{{1,2}})-(.+)", name)
        if found is None:
            kept[name] = value
        elif (index := int(found[1])) != gone:
            kept[f"{section}-{index - (index > gone)}-{found[2]}"] = value
    return kept


# --- the values as a document ----------------------------------------------------------------------------------------
class FormDocument:
    """The document that values stand for, and which field fills each place of it."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.fields: dict[str, str] = {}
        self.document: dict[str, Any] = {}
        for place in TOP:
            self._put(self.document, place.name, place.kind, place.name, place.name)
        for section in MAX_PARTS:
            self.document[section] = [
                self._part(section, index, kind) for index, kind in enumerate(parts_of(values, section))
            ]

    def _part(self, section: str, index: int, kind: str) -> dict[str, Any]:
        base, path = f"{section}-{index}", f"{section}.{index}"
        part: dict[str, Any] = {"kind": WHICH.get(kind, kind)} if section == "benefits" else {"kind": kind}
        self.fields[path] = f"{base}-kind"
        for place in paths_of_kind(section, kind):
            if place.name == "tiers":
                part["tiers"] = self._steps(base, path)
            else:
                self._put(part, place.name, place.kind, f"{base}-{place.name}", f"{path}.{place.name}")
        if kind == "contains":  # which goods must be said; nothing in the fields says any
            part.setdefault("select", {})
        return part | PRESETS.get(kind, {})

    def _steps(self, base: str, path: str) -> list[dict[str, Any]]:
        """The steps that say something; empty rows are none."""
        counts = self.values.get(f"{base}-basis") == "eligible_quantity"
        start: kinds.Kind = kinds.Integer(0, 0) if counts else kinds.Money()
        found: list[dict[str, Any]] = []
        self.fields[f"{path}.tiers"] = f"{base}-tiers-0-from"
        for row in range(rows_of(self.values, base)):
            step: dict[str, Any] = {}
            name, place = f"{base}-tiers-{row}", f"{path}.tiers.{len(found)}"
            self._put(step, "from", start, f"{name}-from", f"{place}.from")
            self._put(step, "value", kinds.Money(), f"{name}-value", f"{place}.value")
            if step:
                found.append(step)
        return found

    def _put(self, into: dict[str, Any], name: str, kind: kinds.Kind, field: str, path: str) -> None:
        """Fill one place of the document, where its field says something."""
        self.fields[path.replace("-", ".")] = field
        value = read(kind, self.values.get(field))
        if value in ("", None, []):
            return
        *way, last = name.split("-")
        for step in way:
            into = into.setdefault(step, {})
        into[last] = value

    def field_at(self, path: str) -> str | None:
        """The field that a fault at a place of the document speaks of: there, within it, or around it."""
        if path in self.fields:
            return self.fields[path]
        within = next((field for place, field in self.fields.items() if place.startswith(f"{path}.")), None)
        return within or (self.field_at(path.rpartition(".")[0]) if "." in path else None)


def read(kind: kinds.Kind, value: Any) -> Any:
    """A field's value as the document holds it. What cannot be read stays as it is, for the engine to refuse."""
    if not isinstance(value, str):
        return value
    if isinstance(kind, kinds.Boolean):
        return {"true": True, "false": False}.get(value, value)
    if isinstance(kind, kinds.Integer):
        return int(value) if re.fullmatch(r"-?\d{1,12}", value, re.ASCII) else value
    if isinstance(kind, kinds.Percentage):
        value = value.removesuffix("%").strip()
    if isinstance(kind, kinds.Money | kinds.Percentage | kinds.MoneyOrPercentage):
        return re.sub(r"(?<=\d),(?=\d{1,4}\Z)", ".", value)
    return value
