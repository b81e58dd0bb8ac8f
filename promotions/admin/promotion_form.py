"""The form of a promotion: what it is called, when and for whom it runs, what it gives, and its limits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import Brand
from backoffice.base.form_fields import AwareDateTimeFormField, keep_untouched
from core import money
from core.errors import DomainError
from promotions.admin.offer_field import OfferField
from promotions.errors import CodeTaken
from promotions.models import Promotion, Trigger
from promotions.services import LIMIT_COLUMNS, MAX_PRIORITY
from segments.errors import AudienceEmpty
from segments.selectors import get_audience_sizes

MAX_LIMIT = 2_000_000_000
LIMIT_LABELS = {
    "limit_total": "Uses in all", "limit_per_user": "Uses of one shopper", "limit_per_day": "Uses a day",
    "limit_per_week": "Uses a week", "limit_per_month": "Uses a month",
}  # fmt: skip
WORDS, WHEN = ("name", "description"), ("start_date", "end_date")
LIMIT_FIELDS = ("budget", *LIMIT_COLUMNS.values(), "priority")


def integer_field(label: str, low: int, high: int, hint: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, required=False, min_value=low, max_value=high, help_text=hint,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"inputmode": "numeric", "min": low}),
    )  # fmt: skip


class PromotionForm(forms.Form):
    """A new promotion of a brand, or what may still change of one (``promotion``; ``fixed`` fields are left out)."""

    name = forms.CharField(
        label="Name", max_length=100, help_text="Shoppers read it", widget=UnfoldAdminTextInputWidget()
    )  # fmt: skip
    description = forms.CharField(
        label="Description", required=False, max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    start_date = AwareDateTimeFormField(label="Starts")
    end_date = AwareDateTimeFormField(label="Ends")
    target_audience = forms.ChoiceField(label="For whom", required=False, widget=UnfoldAdminSelectWidget())
    trigger = forms.ChoiceField(
        label="Comes into play", choices=[("automatic", "by itself"), ("code", "by a code")],
        widget=UnfoldAdminSelectWidget(),
    )  # fmt: skip
    code = forms.CharField(
        label="Code", required=False, max_length=64, help_text="Empty for batches of codes, made later",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )  # fmt: skip
    budget = forms.CharField(
        label="Budget", required=False, max_length=20,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    limit_total = integer_field(LIMIT_LABELS["limit_total"], 1, MAX_LIMIT)
    limit_per_user = integer_field(LIMIT_LABELS["limit_per_user"], 1, MAX_LIMIT)
    limit_per_day = integer_field(LIMIT_LABELS["limit_per_day"], 1, MAX_LIMIT)
    limit_per_week = integer_field(LIMIT_LABELS["limit_per_week"], 1, MAX_LIMIT)
    limit_per_month = integer_field(LIMIT_LABELS["limit_per_month"], 1, MAX_LIMIT)
    priority = integer_field("Priority", -MAX_PRIORITY, MAX_PRIORITY, "The higher one is given first; 0 when empty")

    def __init__(
        self,
        data: Any = None,
        *,
        brand: Brand,
        promotion: Promotion | None = None,
        fixed: frozenset[str] = frozenset(),
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        found = dict(initial or {}) or (get_form_values(promotion) if promotion else {})
        super().__init__(data, initial=found, use_required_attribute=False)
        self.brand, self.promotion = brand, promotion
        self.fields["offer"] = OfferField(brand=brand, initial=found.get("offer"), kept=("priority",), label="Offer")
        self.fields["target_audience"].choices = list_audience_choices(brand, found.get("target_audience", ""))  # type: ignore[attr-defined]
        for name in fixed:
            del self.fields[name]
        such = money.format_decimal(1000 * 10 ** money.decimals(brand.currency), brand.currency)
        self.fields["budget"].help_text = f"Of discount, in {brand.currency}, such as {such}; empty for none"

    def clean_start_date(self) -> datetime:
        return self._moment("start_date")

    def clean_end_date(self) -> datetime:
        return self._moment("end_date")

    def _moment(self, name: str) -> datetime:
        return keep_untouched(self.cleaned_data[name], getattr(self.promotion, name, None))

    def clean_budget(self) -> int | None:
        text = self.cleaned_data["budget"].strip()
        if not text:
            return None
        try:
            found = money.parse(text.replace(",", "."), self.brand.currency)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if found <= 0:
            raise forms.ValidationError("A budget is more than nothing.")
        return found

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if found.get("code") and found.get("trigger") == Trigger.AUTOMATIC:
            self.add_error("code", "A promotion that comes into play by itself has no code.")
        return found

    def values(self) -> dict[str, Any]:
        """The fields of the model, as the services take them; of a promotion that is there, those that differ."""
        found = {name: self.cleaned_data[name] for name in self.fields if name not in ("code", "trigger")}
        if "priority" in found:
            found["priority"] = found["priority"] or 0
        if self.promotion is None:
            return found | {"trigger": self.cleaned_data["trigger"]}
        return {name: value for name, value in found.items() if value != getattr(self.promotion, name)}

    def add_service_errors(self, refusal: DomainError) -> None:
        """Show what a service refused at its field."""
        at = {CodeTaken: "code", AudienceEmpty: "target_audience"}.get(type(refusal), "")
        faults = refusal.errors or [{"field": at, "detail": refusal.detail}]
        for fault in faults:
            name = fault["field"].split(".")[0]
            self.add_error(name if name in self.fields else None, fault["detail"])

    # --- what the page shows -----------------------------------------------------------------------------------------
    def bound_fields(self, *names: str) -> list[forms.BoundField]:
        return [self[name] for name in names if name in self.fields]

    @property
    def text_fields(self) -> list[forms.BoundField]:
        return self.bound_fields(*WORDS)

    @property
    def date_fields(self) -> list[forms.BoundField]:
        return self.bound_fields(*WHEN)

    @property
    def trigger_fields(self) -> list[forms.BoundField]:
        return self.bound_fields("trigger", "code")

    @property
    def limit_fields(self) -> list[forms.BoundField]:
        return self.bound_fields(*LIMIT_FIELDS)


def get_form_values(promotion: Promotion) -> dict[str, Any]:
    """A promotion as the form holds it."""
    plain = (*WORDS, *WHEN, "target_audience", "trigger", "offer", "priority", *LIMIT_COLUMNS.values())
    found = {name: getattr(promotion, name) for name in plain}
    budget = promotion.budget
    return found | {"budget": "" if budget is None else money.format_decimal(budget, promotion.currency)}


def get_copy_values(promotion: Promotion, at: datetime) -> dict[str, Any]:
    """What a copy of a promotion begins with; days that have passed are left to be chosen."""
    found = get_form_values(promotion) | {"name": f"Copy of {promotion.name}"[:100]}
    return {name: value for name, value in found.items() if name not in WHEN or promotion.end_date > at}


def list_audience_choices(brand: Brand, chosen: str) -> list[tuple[str, str]]:
    """The brand's audiences with their sizes, to choose from."""
    sizes = get_audience_sizes(brand_id=brand.pk)
    if chosen:
        sizes.setdefault(chosen, 0)
    return [("", "Everyone"), *((name, f"{name.replace('_', ' ')} ({size:,})") for name, size in sizes.items())]
