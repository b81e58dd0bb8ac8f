"""Fields of the offer form: one for each key of the offer language, derived from the tables of ``pricing.schema``."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass
from typing import Any

from django import forms
from django.core.validators import ProhibitNullCharactersValidator
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from backoffice.base.form_fields import TextFormField
from pricing import fields as kinds
from pricing import money_fields as money_kinds
from pricing.condition_schema import CONDITIONS
from pricing.options import ALL_OPTIONS, list_options
from pricing.records import Record
from pricing.schema import BENEFITS, OFFER
from promotions.admin.amount_field import AmountField
from promotions.admin.offer_labels import (
    BRAND_CURRENCY_LABEL,
    CHOICE_LABELS,
    CONDITION_GROUPS,
    CONDITION_LABELS,
    DEFAULT_LABEL,
    SELECT_LABEL,
    WEEKDAY_LABELS,
    Label,
    get_field_texts,
)

MAX_LENGTH = 400  # characters of one text; the parser of offers checks the exact limit
MAX_LIST_LENGTH = 300_000
PRICE_KEYS = ("percent", "amount", "unit_price", "group_price")
# kinds that exist in the form only, and their kinds in the offer language
LANGUAGE_KINDS = {"free_shipping": "set_price", "nth": "groups"}
NEGATION = "not_"  # prefix of kinds of conditions that exist in the form only
PRESETS = {"free_shipping": {"kind": "set_price", "on": "shipping", "value": "0"}}
# kinds with an amount of money, whose currency is always visible
MONEY_KINDS = frozenset({"amount", "set_price", "unit_ladder", "min_subtotal", "max_subtotal", "subtotal_equals"})
AMOUNT_KINDS = (money_kinds.Money, money_kinds.MoneyOrPercentage)


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A key of a part: its path in the document, joined by hyphens (``select-skus``), and its kind of value."""

    name: str
    kind: kinds.Kind
    default: Any
    always_dumped: bool


def list_paths(record: Record, prefix: str = "") -> Iterator[FieldPath]:
    """Yield the paths of all keys of a record. Nested records are expanded, lists of records are not."""
    for owner in [record, record.inline[1]] if record.inline else [record]:
        for key in owner.keys:
            if isinstance(key.kind, Record):
                yield from list_paths(key.kind, f"{prefix}{key.name}-")
            else:
                default = owner.defaults[key.target]
                yield FieldPath(
                    f"{prefix}{key.name}", key.kind, None if default is MISSING else default, key.always_dumped
                )


def list_kind_paths(section: str, kind: str) -> list[FieldPath]:
    """Return the paths of the keys that the form shows for a kind of condition or benefit."""
    if section == "conditions":
        return list(list_paths(CONDITIONS[kind.removeprefix(NEGATION)]))
    language_kind = LANGUAGE_KINDS.get(kind, kind)
    useless = {option.replace(".", "-") for option in ALL_OPTIONS - list_options(language_kind)}
    paths = [path for path in list_paths(BENEFITS[language_kind]) if path.name not in useless]
    if kind == "nth":
        return [path for path in paths if path.name not in (*PRICE_KEYS, "count")]
    return [path for path in paths if not (kind == "groups" and path.name.startswith("then-"))]


OFFER_PATHS = [path for path in list_paths(OFFER) if path.name not in ("conditions", "benefits")]


def get_form_kind(section: str, part: Mapping[str, Any]) -> str:
    """Return the kind under which the form shows a part of an offer."""
    kind = str(part["kind"])
    if kind == "not" and f"{NEGATION}{part['condition']['kind']}" in CONDITION_LABELS:
        return f"{NEGATION}{part['condition']['kind']}"
    if section == "benefits" and kind == "groups" and part.get("then"):
        return "nth"
    is_plain = kind == "set_price" and part.keys() == {"kind", "value", "on"} and part["on"] == "shipping"
    return "free_shipping" if is_plain and not str(part["value"]).strip("0.") else kind


class NameListField(TextFormField):
    """A list of names, one per line."""

    widget = UnfoldAdminTextareaWidget

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").replace("\r\n", "\n").split("\n") if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def run_validators(self, value: Any) -> None:
        super().run_validators("\n".join(value))


class LenientMultipleChoiceField(forms.MultipleChoiceField):
    """A choice of several values. Other values are left to the parser of offers."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def validate(self, value: Any) -> None:
        prohibit_null_characters = ProhibitNullCharactersValidator()
        for item in value:
            prohibit_null_characters(item)


def group_choices(labels: Mapping[str, Label]) -> list[tuple[Label, Any]]:
    """Return the choices of kinds of conditions in groups."""
    groups = [(title, [(kind, labels[kind]) for kind in kinds if kind in labels]) for title, kinds in CONDITION_GROUPS]
    return [(title, choices) for title, choices in groups if choices]


class FieldFactory:
    """Factory of form fields for a brand. ``segment_types`` and ``attributes`` are those to choose from."""

    def __init__(self, *, currency: str, segment_types: Collection[str], attributes: Collection[str]) -> None:
        self.currency, self.segment_types, self.attributes = currency, segment_types, attributes

    def build_field(self, kind: str, path: FieldPath, value: Any) -> forms.Field:
        """Return the field of a key of a kind of condition or benefit (empty for the offer itself) with a value."""
        label, help_text = get_field_texts(kind, path.name)
        options = {"label": label, "help_text": help_text, "required": False, "initial": get_initial(path, value)}
        if isinstance(path.kind, kinds.ListOf):
            return self._build_list_field(kind, path.kind, value, options)
        options["max_length"] = MAX_LENGTH
        if isinstance(path.kind, AMOUNT_KINDS):
            return AmountField(currency=self.currency, **options)
        if choices := self._list_choices(path, value):
            return TextFormField(widget=UnfoldAdminSelectWidget(choices=choices), **options)
        return TextFormField(widget=_build_input(path.kind, str(value or "")), **options)

    def _list_choices(self, path: FieldPath, value: Any) -> list[tuple[str, Label]]:
        """Return the choices of a key, the default first; none for a key with free values."""
        key = path.name.rpartition("-")[2]
        if key == "currency":
            currencies = dict.fromkeys([self.currency, *([str(value)] if value else [])])
            return [("", BRAND_CURRENCY_LABEL), *((currency, currency) for currency in currencies)]
        if isinstance(path.kind, kinds.Identifier):
            names = dict.fromkeys([*self.attributes, *([str(value)] if value else [])])
            return [("", SELECT_LABEL), *((name, name.replace("_", " ")) for name in names)]
        if not isinstance(path.kind, kinds.Choice | kinds.Boolean):
            return []
        labels = CHOICE_LABELS.get(path.name) or CHOICE_LABELS[key]
        if isinstance(path.kind, kinds.Boolean):
            return list(labels.items())
        allowed = [str(option) for option in path.kind.options]
        choices = [(option, label) for option, label in labels.items() if option in allowed]
        has_default = path.default is not None or path.name in ("basis", "unit")
        return choices if has_default else [("", DEFAULT_LABEL), *choices]

    def _build_list_field(
        self, kind: str, value_kind: kinds.ListOf, value: Any, options: dict[str, Any]
    ) -> forms.Field:
        if isinstance(value_kind.item, kinds.Weekday):
            return LenientMultipleChoiceField(choices=list(WEEKDAY_LABELS.items()), **options)
        if kind.removeprefix(NEGATION) == "audience":
            selected = value if isinstance(value, list) else [value] if value else []
            segment_types = dict.fromkeys([*self.segment_types, *selected])
            choices = [(segment_type, segment_type.replace("_", " ")) for segment_type in segment_types]
            return LenientMultipleChoiceField(choices=choices, **options)
        return NameListField(max_length=MAX_LIST_LENGTH, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}), **options)


def get_initial(path: FieldPath, value: Any) -> Any:
    """Return the initial value of a key's field: its value in the offer, else the default of the offer language."""
    if value is not None:
        return value
    return to_initial(path.default) if path.default is not None and path.always_dumped else ""


def _build_input(kind: kinds.Kind, value: str) -> forms.Widget:
    """Return a date or time input if the browser can show the value in it, else a text input."""
    attrs: dict[str, str] = {"autocomplete": "off"}
    if isinstance(kind, kinds.Clock) and value != "24:00":
        attrs["type"] = "time"
    elif isinstance(kind, kinds.DateOrDateTime) and len(value) in (0, 10):
        attrs["type"] = "date"
    elif isinstance(kind, kinds.Integer):
        attrs["inputmode"] = "numeric"
    elif not isinstance(kind, kinds.Text | kinds.Scalar | kinds.Clock | kinds.DateOrDateTime):
        attrs["inputmode"] = "decimal"
    widget = UnfoldAdminTextInputWidget(attrs=attrs)
    widget.input_type = attrs.pop("type", "text")
    return widget  # type: ignore[no-any-return]


def to_initial(value: Any) -> Any:
    """Return a value of a document as the initial value of a form field."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return [to_initial(item) for item in value]
    return "" if value is None else str(value)
