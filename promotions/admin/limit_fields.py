"""The maximum amounts and limits of an offer, as fields of its form, the same for every kind."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from accounts.models import Brand
from core import money
from core.budgets import format_budgets, parse_budgets
from core.errors import InvalidRequest
from promotions.admin.amount_field import AmountField
from redemptions.api.limits import MAX_LIMIT
from redemptions.limits.models import Strategy
from redemptions.uses.budgets import to_budget_fields
from redemptions.uses.contracts import COUNT_FIELDS
from redemptions.uses.models import OfferLimits

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

AMOUNT_LABELS = {
    "budget": gettext_lazy("Discount budget"),
    "max_per_order": gettext_lazy("Maximum per order"),
    "max_per_customer": gettext_lazy("Maximum per customer"),
}
TOTAL_FIELDS = ("limit_total", "limit_strategy")  # of kinds whose uses count a total limit
OFFER_LIMIT_FIELDS = (*AMOUNT_LABELS, *COUNT_FIELDS)


def integer_field(
    label: "str | StrPromise", low: int, high: int, help_text: "str | StrPromise" = ""
) -> forms.IntegerField:
    """Build an optional field for a whole number."""
    return forms.IntegerField(
        label=label, required=False, min_value=low, max_value=high, help_text=help_text,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"inputmode": "numeric", "min": low}),
    )  # fmt: skip


STRATEGY_LABELS = {
    Strategy.EXACT: gettext_lazy("Exact"),
    Strategy.SHARDED: gettext_lazy("Sharded (for busy checkouts)"),
    Strategy.POOL: gettext_lazy("Pool (for flash sales)"),
    Strategy.APPROXIMATE: gettext_lazy("Approximate (may slightly exceed the limit)"),
}


def strategy_field(default: Strategy) -> forms.ChoiceField:
    """Build the field of the counting method of the total limit."""
    return forms.ChoiceField(
        label=gettext_lazy("Counting method"), choices=list(STRATEGY_LABELS.items()), initial=default, required=False,
        help_text=gettext_lazy("How the total usage limit is counted. It can change until the start."),
        widget=UnfoldAdminSelectWidget(),
    )  # fmt: skip


class LimitFields(forms.Form):
    """The fields of a form for the maximum amounts and limits of an offer of ``brand``."""

    brand: Brand
    limit_per_day = integer_field(gettext_lazy("Daily usage limit"), 1, MAX_LIMIT)
    limit_per_week = integer_field(gettext_lazy("Weekly usage limit"), 1, MAX_LIMIT)
    limit_per_month = integer_field(gettext_lazy("Monthly usage limit"), 1, MAX_LIMIT)
    limit_units = integer_field(
        gettext_lazy("Limit of units"), 1, MAX_LIMIT, gettext_lazy("Discounted units and gifts of every order.")
    )

    def add_amount_fields(self) -> None:
        """Add the fields of amounts, in the currency of the brand."""
        currency = self.brand.currency
        example = money.format_decimal(1000 * 10 ** money.decimals(currency), currency)
        for name, label in AMOUNT_LABELS.items():
            self.fields[name] = AmountField(currency=currency, max_length=20, required=False, label=label)
        text = _("Sum of all discounts in %(currency)s. Example: %(example)s")
        self.fields["budget"].help_text = text % {"currency": currency, "example": example}
        self.fields["max_per_order"].help_text = _("A greater discount of an order is reduced to it.")
        self.fields["max_per_customer"].help_text = _("Sum of the discounts of a customer.")

    @property
    def amount_fields(self) -> list[forms.BoundField]:
        """The maximum amounts."""
        return [self[name] for name in AMOUNT_LABELS]

    @property
    def count_fields(self) -> list[forms.BoundField]:
        """The limits per period, and of units."""
        return [self[name] for name in COUNT_FIELDS]

    def clean_limit_strategy(self) -> str:
        """Keep the counting method if none was sent."""
        initial = self.get_initial_for_field(self.fields["limit_strategy"], "limit_strategy")
        return str(self.cleaned_data["limit_strategy"] or initial)

    def clean_budget(self) -> dict[str, int]:
        return self._clean_amounts("budget")

    def clean_max_per_order(self) -> dict[str, int]:
        return self._clean_amounts("max_per_order")

    def clean_max_per_customer(self) -> dict[str, int]:
        return self._clean_amounts("max_per_customer")

    def _clean_amounts(self, name: str) -> dict[str, int]:
        value = self.cleaned_data[name] or None
        if isinstance(value, Mapping):
            value = {currency: text.replace(",", ".") for currency, text in value.items()}
        elif value:
            value = value.replace(",", ".")
        try:
            return parse_budgets(value, currency=self.brand.currency)
        except InvalidRequest as error:
            raise forms.ValidationError([str(item["detail"]) for item in error.errors or []]) from error

    def limit_values(self) -> dict[str, Any]:
        """Return the fields of the model for the services."""
        values = {name: self.cleaned_data[name] for name in OFFER_LIMIT_FIELDS}
        return values | to_budget_fields(values["budget"], currency=self.brand.currency)


def get_limit_values(offer: OfferLimits) -> dict[str, Any]:
    """Return the initial values of the fields for an offer."""
    amounts = {
        "budget": offer.budgets,
        "max_per_order": offer.max_per_order,
        "max_per_customer": offer.max_per_customer,
    }
    values = {name: format_budgets(amount, currency=offer.currency) or "" for name, amount in amounts.items()}
    return values | {name: getattr(offer, name) for name in COUNT_FIELDS}
