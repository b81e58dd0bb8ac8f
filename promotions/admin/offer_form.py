"""The offer form: an offer of the offer language, written without a brace.

Any form takes it as one field::

    self.fields["offer"] = OfferField(brand=brand, initial=promotion.offer)

Its cleaned value is the offer's document, judged by the engine; what the engine refuses is shown at the field that it
speaks of. Adding a part and changing its kind are buttons that the browser answers in place (htmx); without scripts
they are sent like the form itself, which then is not saved but shown with the part. A stored offer that the form
cannot tell to the letter is shown in words and kept as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.forms.boundfield import BoundField
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Brand
from core.errors import InvalidRequest
from pricing import OfferInvalid, dump_offer, parse_offer
from pricing.description import describe_offer
from promotions.admin.offer_document import (
    KNOWN,
    MAX_PARTS,
    NEW,
    FormDocument,
    Values,
    apply_action,
    extract_prefixed,
    flatten,
    parts_of,
    rows_of,
)
from promotions.admin.offer_fields import (
    OWN_CURRENCY,
    PRESETS,
    TOP,
    AnyOfField,
    FieldFactory,
    NamesField,
    paths_of_kind,
)
from promotions.admin.offer_labels import BENEFIT_LABELS, SECTIONS, label
from promotions.services import validate_offer
from segments.selectors import list_segment_types

LIMITS = frozenset({"max_units", "per", "pick", "only_complete_groups_of", "split", "each"})
MIN_ROWS = 3


@dataclass(slots=True)
class Part:
    """A condition or a benefit, ready to be shown. ``more`` are fields that few need: title, fields, whether open."""

    name: str
    number: int
    kind: BoundField
    was: BoundField
    main: list[BoundField] = field(default_factory=list)
    rows: list[tuple[BoundField, BoundField]] = field(default_factory=list)
    more: list[tuple[str, list[BoundField], bool]] = field(default_factory=list)
    droppable: bool = True


class OfferForm(forms.Form):
    """The parts of an offer and how it combines. ``kinds``: what it may give. ``kept``: keys that are not shown."""

    def __init__(
        self,
        data: Any = None,
        *,
        brand: Brand,
        offer: object = None,
        kinds: Sequence[str] = tuple(BENEFIT_LABELS),
        kept: Sequence[str] = (),
        prefix: str = "offer",
    ) -> None:
        self.brand, self.offer, self.gives, self.kept = brand, offer, tuple(kinds), tuple(kept)
        if data is None:
            values, self.action = (flatten(offer) if offer else dict(NEW) | {"benefits-0-kind": self.gives[0]}), ""
        else:
            values, self.action = extract_prefixed(data, prefix), str(data.get(f"{prefix}-do", ""))
        if self.action and self.action != "words":
            values, data = apply_action(values, self.action), None
        super().__init__(data, prefix=prefix, use_required_attribute=False)
        self.document: dict[str, Any] = {}
        self.shape = {section: parts_of(values, section) for section in MAX_PARTS}
        self._control = FieldFactory(currency=brand.currency, types=list_segment_types(brand_id=brand.pk))
        self.rows: dict[str, int] = {}
        for place in TOP:
            self.fields[place.name] = self._control.field("", place, values.get(place.name))
            if place.name in self.kept:
                self.fields[place.name].widget = forms.HiddenInput()
        for section, kinds_ in self.shape.items():
            for index, kind in enumerate(kinds_):
                self._add(section, f"{section}-{index}", kind, values)

    def _add(self, section: str, base: str, kind: str, values: Values) -> None:
        """The fields of one part."""
        known = {name: word for name, word in KNOWN[section].items() if section == "conditions" or name in self.gives}
        known.setdefault(kind, KNOWN[section][kind])
        is_new = values.get(f"{base}-was") != kind
        title = "What it gives" if section == "benefits" else "Condition"
        select = UnfoldAdminSelectWidget(choices=list(known.items()), attrs={"aria-label": title})
        self.fields[f"{base}-kind"] = forms.CharField(label=title, initial=kind, required=False, widget=select)
        self.fields[f"{base}-was"] = forms.CharField(initial=kind, required=False, widget=forms.HiddenInput())
        if kind in PRESETS:
            return
        for place in paths_of_kind(section, kind):
            name = f"{base}-{place.name}"
            if place.name == "tiers":
                self._add_rows(base, values)
            else:
                value = values.get(name)
                if is_new and place.name == "currency" and kind in OWN_CURRENCY:
                    value = value or self.brand.currency
                self.fields[name] = self._control.field(kind, place, value)

    def _add_rows(self, base: str, values: Values) -> None:
        """The steps of tiers, and some to be filled."""
        rows = rows_of(values, base)
        self.rows[base] = rows = max(rows if self.is_bound else min(rows + 1, 50), MIN_ROWS)
        for row in range(rows):
            for key in ("from", "value"):
                name = f"{base}-tiers-{row}-{key}"
                self.fields[name] = forms.CharField(
                    label=label("tier", f"tier-{key}")[0], required=False, max_length=40, initial=values.get(name, ""),
                    widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"}),
                )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """The document, judged."""
        written = FormDocument(self.cleaned_data)
        try:
            offer = validate_offer(written.document, field="", currency=self.brand.currency)
        except InvalidRequest as refusal:
            for fault in refusal.errors or []:
                name = written.field_at(fault["field"])
                if name is None or name not in self.errors:
                    self.add_error(name, fault["detail"])
            return self.cleaned_data
        foreign = [kind for kind in self.shape["benefits"] if kind not in self.gives]
        if foreign:
            self.add_error(None, f"{BENEFIT_LABELS[foreign[0]]} cannot be given here.")
            return self.cleaned_data
        self.document = dump_offer(offer)
        if documents_equal(self.document, self.offer):
            self.document = dict(self.offer)  # type: ignore[call-overload]
        return self.cleaned_data

    # --- what the page shows -----------------------------------------------------------------------------------------
    @property
    def parts(self) -> list[tuple[str, list[Part]]]:
        """The parts of each section."""
        return [(name, [self._part(name, index) for index in range(len(kinds))]) for name, kinds in self.shape.items()]

    def _part(self, section: str, index: int) -> Part:
        base, kind = f"{section}-{index}", self.shape[section][index]
        lonely = section == "benefits" and len(self.shape["benefits"]) == 1
        part = Part(base, index + 1, self[f"{base}-kind"], self[f"{base}-was"], droppable=not lonely)
        more: dict[str, list[BoundField]] = {}
        for name in self.fields:
            short = name.removeprefix(f"{base}-")
            if short == name or short in ("kind", "was") or short.startswith("tiers-"):
                continue
            group = group_of(kind, short)
            (more.setdefault(group, []) if group else part.main).append(self[name])
        part.rows = [
            (self[f"{base}-tiers-{row}-from"], self[f"{base}-tiers-{row}-value"])
            for row in range(self.rows.get(base, 0))
        ]
        part.more = [
            (SECTIONS[group], found, kind == "contains" or any(bound.errors or has_value(bound) for bound in found))
            for group, found in more.items()
        ]
        return part

    @property
    def combining(self) -> list[BoundField]:
        """How the offer stands beside others."""
        return [self[place.name] for place in TOP if place.name not in self.kept]

    @property
    def combines(self) -> bool:
        """Whether anything is said about that."""
        return any(bound.errors or has_value(bound) for bound in self.combining)

    @property
    def can_add(self) -> list[str]:
        """The sections that take one part more."""
        return [section for section, kinds in self.shape.items() if len(kinds) < MAX_PARTS[section]]

    @property
    def fragment_url(self) -> str:
        """Where the page asks for the form with another shape."""
        asked = {
            "brand": self.brand.slug,
            "name": self.prefix,
            "kinds": ",".join(self.gives),
            "kept": ",".join(self.kept),
        }
        return f"{reverse('admin:promotions_offer')}?{urlencode(asked)}"

    def description(self) -> str:
        """The offer as a sentence, or what is still missing."""
        if not self.is_bound:
            return (
                describe_offer(parse_offer(self.offer), self.brand.currency) if self.offer and not self.action else ""
            )
        if self.is_valid():
            return describe_offer(parse_offer(self.document), self.brand.currency)
        return ""

    def initial_data(self) -> dict[str, Any]:
        """What a browser sends of this form when nobody touches it."""
        return {f"{self.prefix}-{name}": as_sent(field, field.initial) for name, field in self.fields.items()}


def group_of(kind: str, name: str) -> str:
    """Where a field of a part is folded away; empty for one that is always seen."""
    for folded in ("buy-select", "get-select", "select"):
        if name.startswith(f"{folded}-"):
            return folded
    return "limits" if name in LIMITS or (name == "currency" and kind not in OWN_CURRENCY) else ""


def has_value(bound: BoundField) -> bool:
    """Whether a field holds something else than what it holds at first."""
    value = bound.value()
    if isinstance(bound.field.widget, forms.Select) and isinstance(value, str):
        return value not in ("", str(next(iter(bound.field.widget.choices))[0]))
    return value not in ("", None, [], "0")


def as_sent(field_: forms.Field, value: Any) -> Any:
    """A field's value after the browser has had it in its widget."""
    if isinstance(field_, AnyOfField):
        return [key for key, _ in field_.choices if key in (value or [])]  # type: ignore[union-attr,misc]
    if isinstance(field_, NamesField):
        return str(field_.prepare_value(value or "")).replace("\r", "\n")
    return str(value or "").replace("\r", "").replace("\n", "")


def documents_equal(document: object, other: object) -> bool:
    """Whether two documents are one offer."""
    try:
        return parse_offer(document) == parse_offer(other)
    except OfferInvalid:
        return False


def is_representable(offer: object, brand: Brand, **how: Any) -> bool:
    """Whether the form says just what the document does."""
    try:
        shown = OfferForm(brand=brand, offer=offer, **how)
    except OfferInvalid:
        return False
    written = FormDocument(_cleaned(OfferForm(shown.initial_data(), brand=brand, **how)))
    return documents_equal(written.document, offer)


def _cleaned(form: OfferForm) -> Values:
    form.is_valid()
    return form.cleaned_data
