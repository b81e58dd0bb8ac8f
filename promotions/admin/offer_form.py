"""The offer form: edits an offer of the offer language without JSON.

Any form can use it as one field::

    self.fields["offer"] = OfferField(brand=brand, initial=promotion.offer)

Its cleaned value is the offer's document, checked by the parser of offers. Errors are shown at the fields that they
refer to. Buttons that add a part, and changes of a part's kind, are answered in place (htmx). Without scripts they
submit the whole form, which is then not saved but shown again with the new part. A stored offer that the form can't
represent exactly is described in a sentence and stays as it is.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.forms.boundfield import BoundField
from django.urls import reverse
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.models import Brand
from backoffice.base.descriptions import describe_offer
from backoffice.base.form_fields import TextFormField
from core.errors import InvalidRequest
from pricing import OfferInvalid, dump_offer, load_offer
from promotions.admin.amount_field import AmountField, get_submitted_values, read_amount
from promotions.admin.offer_document import (
    KIND_LABELS,
    MAX_PARTS,
    MAX_TIERS,
    MIN_ALTERNATIVES,
    FormDocument,
    Values,
    apply_action,
    count_tiers,
    extract_prefixed,
    flatten,
    list_alternatives,
    list_part_kinds,
)
from promotions.admin.offer_fields import (
    AMOUNT_KINDS,
    OFFER_PATHS,
    PRESETS,
    FieldFactory,
    LenientMultipleChoiceField,
    NameListField,
    group_choices,
    list_kind_paths,
)
from promotions.admin.offer_labels import ANY_OF, BENEFIT_LABELS, GROUP_LABELS, get_field_texts
from promotions.admin.offer_parts import Part, get_group, has_content, has_value
from promotions.selectors.attributes import get_attribute_types
from promotions.services import validate_offer
from segments.selectors import list_segment_types

MIN_TIERS = 3
DESCRIBE = "describe"  # the action that only updates the description


class OfferForm(forms.Form):
    """The parts of an offer and its combination with other offers.

    ``kinds`` are the allowed kinds of benefits. ``hidden_keys`` are keys of the offer that keep their values unseen.
    """

    def __init__(
        self,
        data: Any = None,
        *,
        brand: Brand,
        offer: object = None,
        kinds: Sequence[str] = tuple(BENEFIT_LABELS),
        hidden_keys: Sequence[str] = (),
        prefix: str = "offer",
    ) -> None:
        self.brand, self.offer, self.allowed_kinds, self.hidden_keys = brand, offer, tuple(kinds), tuple(hidden_keys)
        if data is None:
            values, self.action = (flatten(offer) if offer else {"benefits-0-kind": self.allowed_kinds[0]}), ""
        else:
            values, self.action = extract_prefixed(data, prefix), str(data.get(f"{prefix}-do", ""))
        if self.action and self.action != DESCRIBE:
            values, data = apply_action(values, self.action), None
        super().__init__(data, prefix=prefix, use_required_attribute=False)
        self.document: dict[str, Any] = {}
        self.part_kinds = {section: list_part_kinds(values, section) for section in MAX_PARTS}
        self.attributes = get_attribute_types(brand.pk)
        self._factory = FieldFactory(
            currency=brand.currency,
            segment_types=list_segment_types(brand_id=brand.pk),
            attributes=sorted(self.attributes),
        )
        self.tier_counts: dict[str, int] = {}
        self.alternatives: dict[str, list[str]] = {}
        for path in OFFER_PATHS:
            self.fields[path.name] = self._factory.build_field("", path, values.get(path.name))
            if path.name in self.hidden_keys:
                self.fields[path.name].widget = forms.HiddenInput()
        for section, part_kinds in self.part_kinds.items():
            for index, kind in enumerate(part_kinds):
                self._add_part(section, f"{section}-{index}", kind, values)

    def _add_part(self, section: str, base: str, kind: str, values: Values) -> None:
        """Add the fields of a part."""
        labels = KIND_LABELS[section]
        is_alternative = base.count("-") > 1
        choices = {
            name: label
            for name, label in labels.items()
            if (section == "conditions" or name in self.allowed_kinds) and not (is_alternative and name == ANY_OF)
        }
        choices.setdefault(kind, labels[kind])
        title = _("Benefit") if section == "benefits" else _("Condition")
        grouped = group_choices(choices) if section == "conditions" else list(choices.items())
        select = UnfoldAdminSelectWidget(choices=grouped, attrs={"aria-label": title})
        self.fields[f"{base}-kind"] = TextFormField(label=title, initial=kind, required=False, widget=select)
        if kind == ANY_OF:
            self.alternatives[base] = list_alternatives(values, base)
            for index, alternative in enumerate(self.alternatives[base]):
                self._add_part(section, f"{base}-conditions-{index}", alternative, values)
        if kind in PRESETS or kind == ANY_OF:
            return
        for path in list_kind_paths(section, kind):
            name = f"{base}-{path.name}"
            if path.name == "tiers":
                self._add_tiers(base, values)
            else:
                is_money = isinstance(path.kind, AMOUNT_KINDS) and name in values
                value = read_amount(values, name, self.brand.currency) if is_money else values.get(name)
                self.fields[name] = self._factory.build_field(kind, path, value)

    def _add_tiers(self, base: str, values: Values) -> None:
        """Add the fields of a part's tiers, with empty ones to fill in."""
        count = count_tiers(values, base)
        self.tier_counts[base] = count = max(count if self.is_bound else min(count + 1, MAX_TIERS), MIN_TIERS)
        for index in range(count):
            for key in ("from", "value"):
                name = f"{base}-tiers-{index}-{key}"
                self.fields[name] = AmountField(
                    label=str(get_field_texts("tier", f"tier-{key}")[0]),
                    required=False,
                    max_length=40,
                    initial=read_amount(values, name, self.brand.currency),
                    currency=self.brand.currency,
                )

    def clean(self) -> dict[str, Any]:
        """Build and validate the document. An error is added to the field that it refers to."""
        form_document = FormDocument(self.cleaned_data, self.attributes)
        try:
            offer = validate_offer(form_document.document, field="", currency=self.brand.currency, brand=self.brand)
        except InvalidRequest as invalid:
            for error in invalid.errors or []:
                name = form_document.find_field(error["field"])
                if name is None or name not in self.errors:
                    self.add_error(name, error["detail"])
            return self.cleaned_data
        for kind in self.part_kinds["benefits"]:
            if kind not in self.allowed_kinds:
                self.add_error(None, _("%(benefit)s isn't available here.") % {"benefit": BENEFIT_LABELS[kind]})
                return self.cleaned_data
        self.document = dump_offer(offer)
        if documents_equal(self.document, self.offer):
            self.document = dict(self.offer)  # type: ignore[call-overload]
        return self.cleaned_data

    # --- for the page ------------------------------------------------------------------------------------------------
    @property
    def parts(self) -> list[tuple[str, list[Part]]]:
        """The parts of each section."""
        return [
            (section, [self._build_part(section, index, kind) for index, kind in enumerate(part_kinds)])
            for section, part_kinds in self.part_kinds.items()
        ]

    def _build_part(self, section: str, index: int, kind: str, path: str = "") -> Part:
        """Return a part of a section, or an alternative at a path."""
        base = f"{path or section}-{index}"
        is_only_benefit = section == "benefits" and len(self.part_kinds["benefits"]) == 1
        is_needed = bool(path) and len(self.alternatives[path.rpartition("-")[0]]) <= MIN_ALTERNATIVES
        part = Part(base, index + 1, self[f"{base}-kind"], can_remove=not is_only_benefit and not is_needed)
        if base in self.alternatives:
            part.alternatives = [
                self._build_part(section, number, alternative, f"{base}-conditions")
                for number, alternative in enumerate(self.alternatives[base])
            ]
            return part
        groups: dict[str, list[BoundField]] = {}
        for name in self.fields:
            key = name.removeprefix(f"{base}-")
            if key in (name, "kind") or key.startswith("tiers-"):
                continue
            group = get_group(kind, key)
            (groups.setdefault(group, []) if group else part.fields).append(self[name])
        part.tiers = [
            (self[f"{base}-tiers-{tier}-from"], self[f"{base}-tiers-{tier}-value"])
            for tier in range(self.tier_counts.get(base, 0))
        ]
        part.sections = [
            (
                GROUP_LABELS[group],
                fields,
                kind in ("contains", "none_of") or any(bound.errors or has_value(bound) for bound in fields),
            )
            for group, fields in groups.items()
        ]
        return part

    @property
    def combination_fields(self) -> list[BoundField]:
        """The fields for the combination with other offers."""
        return [self[path.name] for path in OFFER_PATHS if path.name not in self.hidden_keys]

    @property
    def has_combination(self) -> bool:
        """Whether a field for the combination with other offers has a value or an error."""
        return has_content(self.combination_fields)

    @property
    def can_add(self) -> list[str]:
        """The sections that can have another part."""
        return [section for section, part_kinds in self.part_kinds.items() if len(part_kinds) < MAX_PARTS[section]]

    @property
    def fragment_url(self) -> str:
        """The URL that renders the form after an action."""
        query = {
            "brand": self.brand.slug,
            "name": self.prefix,
            "kinds": ",".join(self.allowed_kinds),
            "hidden": ",".join(self.hidden_keys),
        }
        return f"{reverse('admin:promotions_offer')}?{urlencode(query)}"

    def description(self) -> str:
        """Return the offer as a sentence; empty while the offer is incomplete."""
        document: object = None if self.action else self.offer
        if self.is_bound:
            document = self.document if self.is_valid() else None
        return describe_offer(load_offer(document), self.brand.currency) if document else ""

    def initial_data(self) -> dict[str, Any]:
        """Return what a browser submits if nobody changes the form."""
        data: dict[str, Any] = {}
        for name, form_field in self.fields.items():
            full_name = f"{self.prefix}-{name}"
            if isinstance(form_field, AmountField):
                data |= get_submitted_values(full_name, form_field.initial, form_field.currency)
            else:
                data[full_name] = get_submitted_value(form_field, form_field.initial)
        return data


def get_submitted_value(form_field: forms.Field, value: Any) -> Any:
    """Return a field's value as a browser submits it."""
    if isinstance(form_field, LenientMultipleChoiceField):
        return [key for key, _label in form_field.choices if key in (value or [])]  # type: ignore[union-attr,misc]
    if isinstance(form_field, NameListField):
        return str(form_field.prepare_value(value or "")).replace("\r", "\n")
    return str(value or "").replace("\r", "").replace("\n", "")


def documents_equal(document: object, other: object) -> bool:
    """Return whether two documents are the same offer. An invalid document equals none."""
    try:
        return load_offer(document) == load_offer(other)
    except OfferInvalid:
        return False


def is_representable(offer: object, brand: Brand, **options: Any) -> bool:
    """Return whether the form can represent an offer exactly."""
    try:
        unbound = OfferForm(brand=brand, offer=offer, **options)
    except OfferInvalid:
        return False
    form = OfferForm(unbound.initial_data(), brand=brand, **options)
    form.is_valid()  # fills cleaned_data
    return documents_equal(FormDocument(form.cleaned_data, form.attributes).document, offer)
