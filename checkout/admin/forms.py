"""Forms of a cart to try and of a backtest, one brand at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.models import Brand
from backoffice.base.form_fields import AwareDateTimeFormField, DateFormField
from checkout.contracts import DraftPromotion, QuoteRequest, SimulationOptions
from core import money
from pricing import Cart, Facts, Line, Shipping, parse_offer
from pricing.offer import OneOf
from pricing.profile import OPTIONS
from promotions.models import Promotion
from promotions.selectors.codes import get_generic_codes
from promotions.selectors.pricing_profiles import get_pricing_profile
from promotions.selectors.promotions import list_for_brands

NEWEST = 100
MAX_ROWS = 50
MAX_TOTAL = 10**14
MAX_METHODS = 20


def choices(promotions: Iterable[Promotion]) -> list[tuple[str, str]]:
    """Promotions to choose from, each with its state."""
    return [(str(it.pk), f"{it.name} ({it.get_status_display().lower()})") for it in promotions]


def recent_promotions(brand: Brand) -> list[Promotion]:
    """The brand's newest promotions that are not over."""
    rows = list_for_brands(brand_ids=[brand.pk]).filter(status__in=["draft", "scheduled", "active"])
    return list(rows[:NEWEST])


class LineForm(forms.Form):
    """A line of the cart; an empty row is no line."""

    sku = forms.CharField(label="Article", required=False, max_length=200, widget=UnfoldAdminTextInputWidget())
    quantity = forms.IntegerField(
        label="Quantity", required=False, min_value=1, max_value=1_000_000, initial=1,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "inputmode": "numeric"}),
    )  # fmt: skip
    unit_price = forms.CharField(
        label="Unit price", required=False, max_length=20,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"inputmode": "decimal", "step": "any", "min": 0}),
    )  # fmt: skip
    min_unit_price = forms.CharField(
        label="Never below", required=False, max_length=20, help_text="Of a unit; empty for no floor",
        widget=UnfoldAdminDecimalFieldWidget(attrs={"inputmode": "decimal", "step": "any", "min": 0}),
    )  # fmt: skip
    categories = forms.CharField(
        label="Categories", required=False, max_length=500, widget=UnfoldAdminTextInputWidget(),
        help_text="With commas between them",
    )  # fmt: skip
    brand = forms.SlugField(
        label="Another brand", required=False, max_length=50, widget=UnfoldAdminTextInputWidget(),
        help_text="Empty for your own",
    )  # fmt: skip
    discountable = forms.BooleanField(
        label="May be discounted", required=False, initial=True, widget=UnfoldBooleanSwitchWidget()
    )
    already_discounted = forms.BooleanField(label="Already on sale", required=False, widget=UnfoldBooleanSwitchWidget())

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if bool(found.get("sku")) != bool(found.get("unit_price")):
            self.add_error("unit_price" if found.get("sku") else "sku", "A line has an article and a price.")
        return found


class CartForm(forms.Form):
    """The rest of the cart, who shops and when, and which promotions are tried."""

    currency = forms.CharField(
        label="Currency", min_length=3, max_length=3, widget=UnfoldAdminTextInputWidget(attrs={"size": 3})
    )
    shipping = forms.CharField(
        label="Shipping", required=False, max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="A price such as 4.99; of several methods one in a line, such as express 9.99",
    )  # fmt: skip
    transaction_type = forms.CharField(
        label="Transaction", required=False, max_length=100, widget=UnfoldAdminTextInputWidget(),
        help_text="purchase, when empty",
    )  # fmt: skip
    codes = forms.CharField(
        label="Codes", required=False, max_length=500, widget=UnfoldAdminTextInputWidget(),
        help_text="As a shopper would type them, with commas between them",
    )  # fmt: skip
    country = forms.RegexField(
        r"^[A-Z]{2}$", label="Country", required=False, widget=UnfoldAdminTextInputWidget(), help_text="Such as ES",
        error_messages={"invalid": "Two capital letters, such as ES."},
    )  # fmt: skip
    at = AwareDateTimeFormField(label="When", required=False, help_text="Now, when empty")
    customer_id = forms.CharField(
        label="Customer", required=False, max_length=100, widget=UnfoldAdminTextInputWidget(),
        help_text="With what is known of them; or leave it empty and say who shops",
    )  # fmt: skip
    segments = forms.CharField(
        label="Segments", required=False, max_length=1000, widget=UnfoldAdminTextInputWidget(),
        help_text="With commas between them",
    )  # fmt: skip
    placed_orders = forms.IntegerField(
        label="Earlier orders", required=False, min_value=0, max_value=1_000_000,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 0, "inputmode": "numeric"}),
    )  # fmt: skip
    include_live = forms.BooleanField(
        label="Beside everything that runs", required=False, widget=UnfoldBooleanSwitchWidget()
    )
    promotions = forms.MultipleChoiceField(
        label="Promotions", required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget()
    )

    def __init__(self, *args: Any, promotions: list[Promotion], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["promotions"].choices = choices(promotions)  # type: ignore[attr-defined]
        for name, options in OPTIONS.items():
            if name != "return_cancelled_uses":  # prices are the same either way
                words = [("", "as the brand does"), *((str(each), str(each).replace("_", " ")) for each in options)]
                self.fields[f"pricing_{name}"] = forms.ChoiceField(
                    label=name.replace("_", " ").capitalize(), required=False, choices=words,
                    widget=UnfoldAdminSelectWidget(),
                )  # fmt: skip

    @property
    def pricing(self) -> list[forms.BoundField]:
        """How prices are worked out."""
        return [bound for bound in self if bound.name.startswith("pricing_")]

    @property
    def has_pricing_overrides(self) -> dict[str, Any]:
        """What of the pricing was chosen otherwise than the brand has it."""
        chosen = {name: self.data.get(name, "") for name in self.fields if name.startswith("pricing_")}
        return {name.removeprefix("pricing_"): value for name, value in chosen.items() if value}

    def clean_currency(self) -> str:
        code = str(self.cleaned_data["currency"]).upper()
        if code not in money.currencies():
            raise forms.ValidationError("This is not an ISO 4217 currency.")
        return code


LineFormSet = forms.formset_factory(LineForm, extra=0, max_num=MAX_ROWS, validate_max=True, absolute_max=MAX_ROWS)


def to_cart(form: CartForm, lines: Any, brand: Brand) -> QuoteRequest | None:
    """The cart of valid forms; None, with what is wrong at its field, when an amount is not one."""
    currency = form.cleaned_data["currency"]
    found = [_line(row, f"{number}", currency, brand) for number, row in enumerate(lines.forms, 1)]
    freight = _shipping(form, currency)
    if any(row.errors for row in lines.forms) or form.errors:
        return None
    kept = tuple(line for line in found if line)
    if not kept and not freight:
        form.add_error(None, "A cart has lines or shipping.")
        return None
    if sum(line.quantity * line.unit_price for line in kept) + sum(it.price for it in freight) > MAX_TOTAL:
        form.add_error(None, "The cart is worth too much.")
        return None
    asked = form.cleaned_data
    kind, country = asked["transaction_type"] or "purchase", asked["country"] or None
    cart = Cart(currency, money.decimals(currency), kept, freight, transaction_type=kind, country=country)
    return QuoteRequest(cart, tuple(split(form.cleaned_data["codes"])), shop=brand.slug)


def _line(row: LineForm, name: str, currency: str, brand: Brand) -> Line | None:
    asked = row.cleaned_data
    if not asked.get("sku"):
        return None
    price, floor = _amount(row, "unit_price", currency) or 0, _amount(row, "min_unit_price", currency) or 0
    return Line(
        id=name,
        sku=asked["sku"],
        quantity=asked.get("quantity") or 1,
        unit_price=price,
        min_unit_price=min(floor, price),
        categories=frozenset(split(asked["categories"])),
        brand=asked["brand"] or brand.slug,
        discountable=asked["discountable"],
        already_discounted=asked["already_discounted"],
    )


def _shipping(form: CartForm, currency: str) -> tuple[Shipping, ...]:
    """The shipping methods, a line of the field each: a price, after a name where there are several."""
    found: dict[str, Shipping] = {}
    for line in filter(None, map(str.strip, form.cleaned_data.get("shipping", "").splitlines())):
        name, _, price = line.rpartition(" ")
        name, minor = name.strip() or "shipping", _parsed(form, "shipping", price, currency)
        if name in found:
            form.add_error("shipping", f"Two methods are called {name}: write a name before each price.")
        elif len(name) > 64 or len(found) == MAX_METHODS:
            form.add_error("shipping", f"Up to {MAX_METHODS} methods, with names of up to 64 characters.")
        elif minor is not None:
            found[name] = Shipping(name, minor)
    return tuple(found.values())


def _amount(form: forms.Form, name: str, currency: str) -> int | None:
    text = form.cleaned_data.get(name)
    return _parsed(form, name, text, currency) if text else None


def _parsed(form: forms.Form, name: str, text: str, currency: str) -> int | None:
    """Minor units; None, with what is wrong at its field, for what is no amount."""
    try:
        found = money.parse(text.strip(), currency)
    except ValueError as error:
        form.add_error(name, str(error))
        return None
    if found < 0:
        form.add_error(name, "An amount is not negative.")
    return found


def split(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def to_simulation(form: CartForm, promotions: Iterable[Promotion], brand: Brand) -> SimulationOptions:
    """The chosen promotions as if they ran, for the shopper that the form describes."""
    asked = form.cleaned_data
    chosen = [it for it in promotions if str(it.pk) in asked["promotions"]]
    codes = get_generic_codes(promotion_ids=[it.pk for it in chosen])
    described = asked["segments"] or asked["placed_orders"] is not None or not asked["customer_id"]
    facts = Facts(frozenset(split(asked["segments"])), asked["placed_orders"] or 0) if described else None
    drafts = [_draft(it, codes.get(it.pk), asked["currency"]) for it in reversed(chosen)]
    profile = (
        replace(get_pricing_profile({brand.pk}), **form.has_pricing_overrides) if form.has_pricing_overrides else None
    )
    return SimulationOptions(drafts, facts, profile, include_live=asked["include_live"])


def _draft(promotion: Promotion, code: str | None, currency: str) -> DraftPromotion:
    offer = parse_offer(promotion.offer)
    target = (OneOf("audience", (promotion.target_audience,)),) if promotion.target_audience else ()
    return DraftPromotion(
        id=str(promotion.pk),
        title=promotion.name,
        offer=replace(offer, priority=promotion.priority, conditions=(*offer.conditions, *target)),
        by_code=promotion.trigger == "code",
        code=code,
        budget=promotion.budget if promotion.currency == currency else None,
    )


class BacktestForm(forms.Form):
    """Which promotion, over which days of the brand's calendar."""

    promotion = forms.ChoiceField(label="Promotion", widget=UnfoldAdminSelectWidget())
    first = DateFormField(label="First day")
    last = DateFormField(label="Last day")

    FIELDS: Mapping[str, str] = {"start": "first", "end": "last"}

    def __init__(self, *args: Any, promotions: list[Promotion], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["promotion"].choices = choices(promotions)  # type: ignore[attr-defined]

    def period(self, zone: str) -> tuple[datetime, datetime]:
        """From the first day's midnight to the midnight after the last, in the brand's time zone."""
        first, last = (
            datetime.combine(self.cleaned_data[name], time.min, ZoneInfo(zone)) for name in ("first", "last")
        )
        return first, last + timedelta(days=1)
