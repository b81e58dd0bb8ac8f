"""The fields of the offer form: one for each key of the offer language, as the engine's own tables have them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from pricing import fields as kinds
from pricing.description import DAYS
from pricing.records import Record
from pricing.schema import BENEFITS, CONDITIONS, OFFER
from promotions.admin.offer_labels import CHOICES, label

MAX_LENGTH = 400  # characters of one text; the engine says how many it takes
MAX_LIST_LENGTH = 300_000
PRICES = ("percent", "amount", "unit_price", "group_price")
WHICH = {"free_shipping": "set_price", "nth": "groups"}  # what the form tells apart within a kind of the language
PRESETS = {"free_shipping": {"kind": "set_price", "on": "shipping", "value": "0"}}
OWN_CURRENCY = frozenset({"amount", "set_price", "unit_ladder", "min_subtotal", "max_subtotal", "subtotal_equals"})
"""Kinds that are about an amount of money: a new one begins in the brand's currency."""


@dataclass(frozen=True, slots=True)
class FieldPath:
    """One key of a part: its way through the document with hyphens (``select-skus``), and what may stand there."""

    name: str
    kind: kinds.Kind
    default: Any
    always: bool


def list_paths(record: Record, before: str = "") -> Iterator[FieldPath]:
    """Every key of a record, those of records within it in their place. Lists of records stand as one."""
    for each, keys in ((record, record.keys), *([(record.inline[1], record.inline[1].keys)] if record.inline else [])):
        for key in keys:
            if isinstance(key.kind, Record):
                yield from list_paths(key.kind, f"{before}{key.name}-")
            else:
                default = each.defaults[key.target]
                yield FieldPath(f"{before}{key.name}", key.kind, None if default is MISSING else default, key.always)


def paths_of_kind(section: str, kind: str) -> list[FieldPath]:
    """The keys of one kind of condition or benefit, as the form tells kinds apart."""
    if section == "conditions":
        return list(list_paths(CONDITIONS[kind]))
    every = list(list_paths(BENEFITS[WHICH.get(kind, kind)]))
    if kind == "nth":
        return [place for place in every if place.name not in (*PRICES, "count")]
    return [place for place in every if not (kind == "groups" and place.name.startswith("then-"))]


TOP = [place for place in list_paths(OFFER) if place.name not in ("conditions", "benefits")]


def kind_of(section: str, part: Mapping[str, Any]) -> str:
    """What the form calls a part of an offer."""
    kind = str(part["kind"])
    if section == "benefits" and kind == "groups" and part.get("then"):
        return "nth"
    plain = kind == "set_price" and part.keys() == {"kind", "value", "on"} and part["on"] == "shipping"
    return "free_shipping" if plain and not str(part["value"]).strip("0.") else kind


class NamesField(forms.CharField):
    """Names, one in a line."""

    widget = UnfoldAdminTextareaWidget

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").replace("\r\n", "\n").split("\n") if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def run_validators(self, value: Any) -> None:
        super().run_validators("\n".join(value))


class AnyOfField(forms.MultipleChoiceField):
    """Some of a few; what else was sent is judged by the engine."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def validate(self, value: Any) -> None:
        if any("\0" in each for each in value):
            raise forms.ValidationError("This does not have the right form.")


class FieldFactory:
    """Makes the field of a place. ``types`` are the segment types of the brand."""

    def __init__(self, *, currency: str, types: Collection[str]) -> None:
        self.currency, self.types = currency, types

    def field(self, part: str, place: FieldPath, value: Any) -> forms.Field:
        """The field of a key of a kind (``part``), where ``value`` stands now."""
        name, hint = label(part, place.name)
        common = {"label": name, "help_text": hint, "required": False, "initial": self.initial(place, value)}
        if isinstance(place.kind, kinds.ListOf):
            return self._list(part, place.kind, value, common)
        common["max_length"] = MAX_LENGTH
        if options := self._options(place, value):
            return forms.CharField(widget=UnfoldAdminSelectWidget(choices=options), **common)
        return forms.CharField(widget=_input(place.kind, str(value or "")), **common)

    def initial(self, place: FieldPath, value: Any) -> Any:
        """What stands there before anyone wrote: what the language takes it for."""
        if value is not None:
            return value
        return to_initial(place.default) if place.default is not None and place.always else ""

    def _options(self, place: FieldPath, value: Any) -> list[tuple[str, str]]:
        """The choices of a place that has some; its default first."""
        short = place.name.rpartition("-")[2]
        if short == "currency":
            known = dict.fromkeys([self.currency, *([str(value)] if value else [])])
            return [("", "any currency"), *((each, each) for each in known)]
        if not isinstance(place.kind, kinds.Choice | kinds.Boolean):
            return []
        words = CHOICES.get(place.name) or CHOICES[short]
        if isinstance(place.kind, kinds.Boolean):
            return list(words.items())
        allowed = [str(option) for option in place.kind.options]
        shown = [(name, word) for name, word in words.items() if name in allowed]
        return shown if place.default is not None or place.name in ("basis", "unit") else [("", "as usual"), *shown]

    def _list(self, part: str, kind: kinds.ListOf, value: Any, common: dict[str, Any]) -> forms.Field:
        if isinstance(kind.item, kinds.Weekday):
            return AnyOfField(choices=list(DAYS.items()), **common)
        if part == "audience":
            sent = value if isinstance(value, list) else [value] if value else []
            known = dict.fromkeys([*self.types, *sent])
            return AnyOfField(choices=[(each, each.replace("_", " ")) for each in known], **common)
        return NamesField(max_length=MAX_LIST_LENGTH, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}), **common)


def _input(kind: kinds.Kind, value: str) -> forms.Widget:
    """The browser's own picker of a day or a time where it can hold what stands there, else a line of text."""
    attrs: dict[str, str] = {"autocomplete": "off"}
    if isinstance(kind, kinds.Clock) and value != "24:00":
        attrs["type"] = "time"
    elif isinstance(kind, kinds.DateOrDateTime) and len(value) in (0, 10):
        attrs["type"] = "date"
    elif isinstance(kind, kinds.Integer):
        attrs["inputmode"] = "numeric"
    elif not isinstance(kind, kinds.Text | kinds.Clock | kinds.DateOrDateTime):
        attrs["inputmode"] = "decimal"
    widget = UnfoldAdminTextInputWidget(attrs=attrs)
    widget.input_type = attrs.pop("type", "text")
    return widget  # type: ignore[no-any-return]


def to_initial(value: Any) -> Any:
    """A value of a document as a field of a form holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return [str(each) for each in value]
    return "" if value is None else str(value)
