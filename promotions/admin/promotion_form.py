"""The form of a promotion: details, schedule, eligibility, offer and limits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import Brand
from backoffice.base.form_fields import AwareDateTimeFormField, TextFormField, add_service_errors, keep_untouched
from core.errors import DomainError
from promotions.admin.limit_fields import LimitFields, get_limit_values, integer_field, strategy_field
from promotions.admin.offer_field import OfferField
from promotions.models import Promotion, Trigger
from promotions.services import MAX_PRIORITY
from redemptions.admin.code_forms import list_audience_choices
from redemptions.api.limits import MAX_LIMIT
from redemptions.errors import CodeTaken
from redemptions.limits.models import Strategy
from redemptions.uses.contracts import COUNT_FIELDS
from segments.errors import AudienceEmpty

TEXT_FIELDS, DATE_FIELDS = ("name", "description"), ("start_date", "end_date")
LIMIT_FIELDS = (
    "budget",
    "limit_total",
    "limit_strategy",
    "limit_per_user",
    *COUNT_FIELDS,
    "max_per_order",
    "max_per_customer",
    "priority",
)


class PromotionForm(LimitFields):
    """The fields of a new promotion, or of ``promotion`` without its ``locked_fields``."""

    name = TextFormField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("Shown to customers."),
        widget=UnfoldAdminTextInputWidget(),
    )  # fmt: skip
    description = TextFormField(
        label=gettext_lazy("Description"), required=False, max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )  # fmt: skip
    start_date = AwareDateTimeFormField(label=gettext_lazy("Starts"))
    end_date = AwareDateTimeFormField(is_end=True, label=gettext_lazy("Ends"))
    target_audience = forms.ChoiceField(
        label=gettext_lazy("Customer eligibility"), required=False, widget=UnfoldAdminSelectWidget()
    )
    trigger = forms.ChoiceField(
        label=gettext_lazy("Discount method"), choices=Trigger.choices, widget=UnfoldAdminSelectWidget()
    )
    code = TextFormField(
        label=gettext_lazy("Code"), required=False, max_length=64,
        help_text=gettext_lazy("Leave blank to generate single-use codes later."),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )  # fmt: skip
    limit_total = integer_field(gettext_lazy("Total usage limit"), 1, MAX_LIMIT)
    limit_strategy = strategy_field(Strategy.SHARDED)
    limit_per_user = integer_field(gettext_lazy("Usage limit per customer"), 1, MAX_LIMIT)
    priority = integer_field(
        gettext_lazy("Priority"),
        -MAX_PRIORITY,
        MAX_PRIORITY,
        gettext_lazy("Higher priorities apply first. Default: 0."),
    )

    def __init__(
        self,
        data: Any = None,
        *,
        brand: Brand,
        promotion: Promotion | None = None,
        locked_fields: frozenset[str] = frozenset(),
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        values = dict(initial or {}) or (get_form_values(promotion) if promotion else {})
        super().__init__(data, initial=values, use_required_attribute=False)
        self.brand, self.promotion = brand, promotion
        self.fields["offer"] = OfferField(
            brand=brand, initial=values.get("offer"), hidden_keys=("priority",), label=_("Offer")
        )
        choices = [("", _("Everyone")), *list_audience_choices(brand, values.get("target_audience", ""))]
        self.fields["target_audience"].choices = choices  # type: ignore[attr-defined]
        for name in locked_fields:
            del self.fields[name]
        self.add_amount_fields()

    def clean_start_date(self) -> datetime:
        return self._keep_untouched("start_date")

    def clean_end_date(self) -> datetime:
        return self._keep_untouched("end_date")

    def _keep_untouched(self, name: str) -> datetime:
        return keep_untouched(self.cleaned_data[name], getattr(self.promotion, name, None))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("code") and data.get("trigger") == Trigger.AUTOMATIC:
            self.add_error("code", _("Automatic promotions can't have a code."))
        return data

    def values(self) -> dict[str, Any]:
        """Return the fields of the model for the services; of an existing promotion, only the changed ones."""
        values = {name: self.cleaned_data[name] for name in self.fields if name not in ("code", "trigger")}
        values |= self.limit_values()
        if "priority" in values:
            values["priority"] = values["priority"] or 0
        if self.promotion is None:
            return values | {"trigger": self.cleaned_data["trigger"]}
        return {name: value for name, value in values.items() if value != getattr(self.promotion, name)}

    def add_service_errors(self, error: DomainError) -> None:
        """Add the errors of a service to their fields."""
        field = {CodeTaken: "code", AudienceEmpty: "target_audience"}.get(type(error), "")
        paths = {path: path.split(".")[0] for path in [field_error["field"] for field_error in error.errors or []]}
        add_service_errors(self, error, paths, field)

    # --- what the page shows -----------------------------------------------------------------------------------------
    def bound_fields(self, *names: str) -> list[forms.BoundField]:
        return [self[name] for name in names if name in self.fields]

    @property
    def text_fields(self) -> list[forms.BoundField]:
        return self.bound_fields(*TEXT_FIELDS)

    @property
    def date_fields(self) -> list[forms.BoundField]:
        return self.bound_fields(*DATE_FIELDS)

    @property
    def trigger_fields(self) -> list[forms.BoundField]:
        return self.bound_fields("trigger", "code")

    @property
    def limit_fields(self) -> list[forms.BoundField]:
        return self.bound_fields(*LIMIT_FIELDS)


def get_form_values(promotion: Promotion) -> dict[str, Any]:
    """Return the initial values of the form for a promotion."""
    limits = ("limit_total", "limit_strategy", "limit_per_user")
    names = (*TEXT_FIELDS, *DATE_FIELDS, "target_audience", "trigger", "offer", "priority", *limits)
    values = {name: getattr(promotion, name) for name in names}
    return values | get_limit_values(promotion)
