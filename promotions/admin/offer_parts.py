"""Conditions and benefits as the page of the offer form shows them."""

from dataclasses import dataclass, field

from django import forms
from django.forms.boundfield import BoundField

from promotions.admin.offer_document import MAX_ALTERNATIVES
from promotions.admin.offer_fields import MONEY_KINDS
from promotions.admin.offer_labels import Label

LIMIT_KEYS = frozenset(
    {"max_units", "per", "pick", "only_complete_groups_of", "split", "each", "methods", "keep_balance"}
)


@dataclass(slots=True)
class Part:
    """A condition or benefit for the page. ``sections`` collapse: a title, the fields, and whether it is open."""

    name: str
    number: int
    kind: BoundField
    fields: list[BoundField] = field(default_factory=list)
    tiers: list[tuple[BoundField, BoundField]] = field(default_factory=list)
    sections: list[tuple[Label, list[BoundField], bool]] = field(default_factory=list)
    alternatives: list["Part"] = field(default_factory=list)
    can_remove: bool = True

    @property
    def can_add_alternative(self) -> bool:
        """Whether the part is a group of alternatives that can have another one."""
        return 0 < len(self.alternatives) < MAX_ALTERNATIVES


def get_group(kind: str, key: str) -> str:
    """Return the collapsible group of a part's field; empty for a field that is always visible."""
    for group in ("buy-select", "get-select", "select"):
        if key.startswith(f"{group}-"):
            return group
    return "limits" if key in LIMIT_KEYS or (key == "currency" and kind not in MONEY_KINDS) else ""


def has_content(fields: list[BoundField]) -> bool:
    """Return whether any of the fields has an error or a value other than its default."""
    return any(bound.errors or has_value(bound) for bound in fields)


def has_value(bound: BoundField) -> bool:
    """Return whether a field has a value other than its default."""
    value = bound.value()
    if isinstance(bound.field.widget, forms.Select) and isinstance(value, str):
        return value not in ("", str(next(iter(bound.field.widget.choices))[0]))
    return value not in ("", None, [], "0")
