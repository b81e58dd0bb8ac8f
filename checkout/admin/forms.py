"""Forms of the cart simulator and of new backtests."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from backoffice.base.form_fields import AwareDateTimeFormField, DateFormField, TextFormField
from core import money
from core.periods import end_of_day, start_of_day
from core.texts import to_upper_case
from pricing.profile import OPTIONS
from promotions.models import PricingProfile, Promotion

MAX_ROWS = 50
CART_FIELDS = (
    "currency", "shipping", "shipping_method", "transaction_type", "codes", "country", "channel", "store",
    "payment_method", "attributes",
)  # fmt: skip
CUSTOMER_FIELDS = ("at", "customer_id", "segments", "placed_orders", "customer_attributes")
COMMA_SEPARATED = _("Comma-separated.")


def build_choices(promotions: Iterable[Promotion]) -> list[tuple[str, str]]:
    """Return choices of promotions, each with its status now."""
    at = timezone.now()
    return [(str(promotion.pk), f"{promotion.name} ({promotion.status_at(at).label})") for promotion in promotions]


class LineForm(forms.Form):
    """A line of the cart. An empty row is ignored."""

    sku = TextFormField(label=_("SKU"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget())
    quantity = forms.IntegerField(
        label=_("Quantity"), required=False, min_value=1, max_value=1_000_000, initial=1,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "inputmode": "numeric"}),
    )  # fmt: skip
    unit_price = TextFormField(
        label=_("Unit price"), required=False, max_length=20,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"inputmode": "decimal", "step": "any", "min": 0}),
    )  # fmt: skip
    min_unit_price = TextFormField(
        label=_("Minimum unit price"), required=False, max_length=20, help_text=_("Leave blank for no minimum."),
        widget=UnfoldAdminDecimalFieldWidget(attrs={"inputmode": "decimal", "step": "any", "min": 0}),
    )  # fmt: skip
    categories = TextFormField(
        label=_("Categories"), required=False, max_length=500, widget=UnfoldAdminTextInputWidget(),
        help_text=COMMA_SEPARATED,
    )  # fmt: skip
    brand = forms.SlugField(
        label=_("Brand"), required=False, max_length=50, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Defaults to your brand."),
    )  # fmt: skip
    discountable = forms.BooleanField(
        label=_("Discountable"), required=False, initial=True, widget=UnfoldBooleanSwitchWidget()
    )
    already_discounted = forms.BooleanField(label=_("On sale"), required=False, widget=UnfoldBooleanSwitchWidget())
    attributes = TextFormField(
        label=_("Attributes"), required=False, max_length=1000, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Comma-separated. Example: color: red"),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if bool(data.get("sku")) != bool(data.get("unit_price")):
            self.add_error("unit_price" if data.get("sku") else "sku", _("Enter a SKU and a price."))
        return data


class CartForm(forms.Form):
    """The rest of the cart, the customer, the time, and the promotions to simulate."""

    currency = TextFormField(
        label=_("Currency"), min_length=3, max_length=3, widget=UnfoldAdminTextInputWidget(attrs={"size": 3})
    )
    shipping = TextFormField(
        label=_("Shipping"), required=False, max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_("Example: 4.99. For several methods, one per line: express 9.99"),
    )  # fmt: skip
    shipping_method = TextFormField(
        label=_("Chosen shipping method"), required=False, max_length=64, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Leave blank to compare several methods. Example: express"),
    )  # fmt: skip
    transaction_type = TextFormField(
        label=_("Transaction type"), required=False, max_length=100, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Default: purchase"),
    )  # fmt: skip
    codes = TextFormField(
        label=_("Codes"), required=False, max_length=500, widget=UnfoldAdminTextInputWidget(),
        help_text=COMMA_SEPARATED,
    )  # fmt: skip
    country = forms.RegexField(
        r"^[A-Z]{2}$", label=_("Country"), required=False, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Example: ES"),
        error_messages={"invalid": _("Enter two capital letters, for example ES.")},
    )  # fmt: skip
    channel = TextFormField(
        label=_("Channel"), required=False, max_length=64, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Example: app"),
    )  # fmt: skip
    store = TextFormField(label=_("Store"), required=False, max_length=64, widget=UnfoldAdminTextInputWidget())
    payment_method = TextFormField(
        label=_("Payment method"), required=False, max_length=64, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Example: card"),
    )  # fmt: skip
    attributes = TextFormField(
        label=_("Cart attributes"), required=False, max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}), help_text=_("One per line. Example: gift_wrap: true"),
    )  # fmt: skip
    customer_attributes = TextFormField(
        label=_("Customer attributes"), required=False, max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}), help_text=_("One per line. Example: customer_tier: gold"),
    )  # fmt: skip
    at = AwareDateTimeFormField(label=_("Date and time"), required=False, help_text=_("Default: now"))
    customer_id = TextFormField(
        label=_("Customer ID"), required=False, max_length=100, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Uses this customer's data. Leave blank to set audiences and orders yourself."),
    )  # fmt: skip
    segments = TextFormField(
        label=_("Audiences"), required=False, max_length=1000, widget=UnfoldAdminTextInputWidget(),
        help_text=COMMA_SEPARATED,
    )  # fmt: skip
    placed_orders = forms.IntegerField(
        label=_("Previous orders"), required=False, min_value=0, max_value=1_000_000,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 0, "inputmode": "numeric"}),
    )  # fmt: skip
    include_live = forms.BooleanField(
        label=_("Include active offers"), required=False, widget=UnfoldBooleanSwitchWidget()
    )
    promotions = forms.MultipleChoiceField(
        label=_("Promotions"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget()
    )

    def __init__(self, *args: Any, promotions: list[Promotion], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["promotions"].choices = build_choices(promotions)  # type: ignore[attr-defined]
        for name in OPTIONS:
            if name != "return_cancelled_uses":  # doesn't affect prices
                self.fields[f"pricing_{name}"] = self._build_pricing_field(name)

    def _build_pricing_field(self, name: str) -> forms.ChoiceField:
        """Return the field of a pricing option, with the labels of the pricing settings."""
        model_field: Any = PricingProfile._meta.get_field(name)  # noqa: SLF001
        return forms.ChoiceField(
            label=capfirst(model_field.verbose_name), required=False, widget=UnfoldAdminSelectWidget(),
            choices=[("", _("Brand default")), *model_field.choices],
        )  # fmt: skip

    @property
    def cart(self) -> list[forms.BoundField]:
        """The fields of the cart besides its lines."""
        return [self[name] for name in CART_FIELDS]

    @property
    def customer(self) -> list[forms.BoundField]:
        """The fields of the customer and the time."""
        return [self[name] for name in CUSTOMER_FIELDS]

    @property
    def pricing(self) -> list[forms.BoundField]:
        """The fields of the pricing options."""
        return [field for field in self if field.name.startswith("pricing_")]

    @property
    def pricing_overrides(self) -> dict[str, Any]:
        """The pricing options that differ from the brand's defaults."""
        submitted = {name: self.data.get(name, "") for name in self.fields if name.startswith("pricing_")}
        return {name.removeprefix("pricing_"): value for name, value in submitted.items() if value}

    def clean_currency(self) -> str:
        code = to_upper_case(self.cleaned_data["currency"])
        if code not in money.currencies():
            raise forms.ValidationError(_("Enter an ISO 4217 currency code, for example EUR."))
        return code


LineFormSet = forms.formset_factory(LineForm, extra=0, max_num=MAX_ROWS, validate_max=True, absolute_max=MAX_ROWS)


class BacktestForm(forms.Form):
    """A promotion and the days of the period in the brand's time zone."""

    promotion = forms.ChoiceField(label=_("Promotion"), widget=UnfoldAdminSelectWidget())
    first = DateFormField(label=_("First day"))
    last = DateFormField(label=_("Last day"), is_end=True)

    FIELDS: Mapping[str, str] = {"start": "first", "end": "last"}

    def __init__(self, *args: Any, promotions: list[Promotion], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["promotion"].choices = build_choices(promotions)  # type: ignore[attr-defined]

    def get_period(self, zone: str) -> tuple[datetime, datetime]:
        """Return the start of the first day and the end of the last day, in the brand's time zone."""
        first, last = self.cleaned_data["first"], self.cleaned_data["last"]
        return start_of_day(first, ZoneInfo(zone)), end_of_day(last, ZoneInfo(zone))
