"""Description of an offer in one sentence, for example "20% off shoes when the order is at least €100.00"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from core.money import format_currency, iso_exponent
from pricing import offer as o
from pricing.fields import parse_datetime
from pricing.rounding import to_minor

MAX_NAMES_SHOWN = 4
"""Number of names of a list that are shown; of the others, only their number is shown."""
DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
PICKS = {"cheapest": "cheapest", "dearest": "most expensive"}


def describe_offer(offer: o.Offer, currency: str) -> str:
    """Describe the benefits and conditions of an offer.

    `currency` is the brand's; it applies to amounts without a currency.
    """
    sentence = "; and ".join(describe_benefit(benefit, currency) for benefit in offer.benefits)
    if offer.conditions:
        conditions = " and ".join(describe_condition(condition, currency) for condition in offer.conditions)
        sentence += f"{',' if ',' in sentence else ''} when {conditions}"
    combination = describe_combination(offer)
    return sentence[0].upper() + sentence[1:] + "." + (f" {combination}" if combination else "")


def describe_combination(offer: o.Offer) -> str:
    """Describe how the offer combines with others, where that differs from the default."""
    sentences = [
        "Can't be combined with other offers." if offer.exclusive else "",
        "" if offer.combinable or offer.exclusive else "Replaces other offers when it saves more.",
        f"Only the best offer of group {offer.group} applies." if offer.group else "",
        f"Applies {format_times(offer.max_applications)} per order." if offer.max_applications else "",
        f"Lane {offer.lane}." if offer.lane else "",
    ]
    return " ".join(filter(None, sentences))


# --- benefits -----------------------------------------------------------------------------------------------------
def describe_benefit(benefit: o.Benefit, currency: str) -> str:
    """Describe one benefit and its limits."""
    unit = benefit.narrowing.currency or currency
    return ", ".join([BENEFIT_TEXTS[type(benefit)](benefit, unit), *describe_limits(benefit, unit)])


def describe_percent(benefit: o.Percent, currency: str) -> str:
    return f"{format_percent(benefit.value)} off {describe_target(benefit, currency)}"


def describe_amount(benefit: o.Amount, currency: str) -> str:
    return f"{format_amount(benefit.value, currency)} off {describe_target(benefit, currency)}"


def describe_set_price(benefit: o.SetPrice, currency: str) -> str:
    price = format_amount(benefit.value, currency)
    if benefit.on == "shipping" and not benefit.value:
        methods = benefit.narrowing.select.shipping_ids
        return f"free shipping by {join_or(methods)}" if methods else "free shipping"
    if benefit.on == "bundle":
        return f"any {count_of(benefit.bundle_size or 1, benefit.narrowing.select, currency)} for {price}"
    return f"{describe_target(benefit, currency)} for {price}"


def describe_buy_get(benefit: o.BuyGet, currency: str) -> str:
    bought, discounted = benefit.buy.select, benefit.get.select
    price = "free" if benefit.get.percent == 100 else f"{format_percent(benefit.get.percent)} off"
    buy = f"buy {count_of(benefit.buy.quantity, bought, currency)}"
    if discounted == bought:
        get = f"get {benefit.get.quantity} more {price}"
    else:
        get = f"get {count_of(benefit.get.quantity, discounted, currency)} {price}"
    return f"{buy}, {get}" + ("" if benefit.repeat else ", once per order")


def describe_groups(benefit: o.Groups, currency: str) -> str:
    group = f"every {count_of(benefit.size, benefit.narrowing.select, currency)}"
    if benefit.then is None:
        times = f", {format_times(benefit.count)}" if benefit.count else ""
        return f"{group} {describe_group_price(benefit, currency)}{times}"
    then = benefit.then
    picked = f"the {PICKS[then.pick]}" if then.nth == 1 else f"the {format_ordinal(then.nth)} {PICKS[then.pick]}"
    scope = " (across all groups)" if then.scope == "across_groups" else ""
    times = f", {format_times(then.max_uses)}" if then.max_uses else ""
    return f"{picked} of {group}{scope} {describe_group_price(then, currency)}{times}"


def describe_group_price(price: o.Groups | o.Then, currency: str) -> str:
    """Describe the price of a group, or of the unit picked from it."""
    if price.percent is not None:
        return "free" if price.percent == 100 else f"at {format_percent(price.percent)} off"
    if price.amount is not None:
        return f"at {format_amount(price.amount, currency)} off"
    if price.unit_price is not None:
        return f"for {format_amount(price.unit_price, currency)} each"
    return f"for {format_amount(getattr(price, 'group_price', None) or Decimal(0), currency)} together"


def describe_tiers(benefit: o.Tiers, currency: str) -> str:
    off = "off shipping" if benefit.on == "shipping" else "off"

    def format_value(value: Decimal) -> str:
        return format_percent(value) if benefit.unit == "percent" else format_amount(value, currency)

    def format_start(start: Decimal | int) -> str:
        return pluralize(start, "unit") if isinstance(start, int) else format_amount(start, currency)

    parts = [f"{format_value(tier.value)} {off} from {format_start(tier.start)}" for tier in benefit.tiers]
    if benefit.base:
        parts.insert(0, f"{format_value(benefit.base)} {off} below {format_start(benefit.tiers[0].start)}")
    if benefit.narrowing.select != o.EVERYTHING:
        parts.append(f"on {describe_selection(benefit.narrowing.select, currency)}")
    if benefit.basis == "line_amount":
        parts.append("per line")
    return ", ".join(parts)


def describe_unit_ladder(benefit: o.UnitLadder, currency: str) -> str:
    first, additional = format_amount(benefit.first, currency), format_amount(benefit.next, currency)
    selection = of_selection(benefit.narrowing.select, currency)
    return f"{first} off the first unit and {additional} off each additional unit{selection}, per line"


def describe_gift(benefit: o.GiftBenefit, currency: str) -> str:
    price = f"for {format_amount(benefit.price, currency)} each" if benefit.price else "as a free gift"
    return f"{pluralize(benefit.quantity, 'unit')} of {benefit.sku} {price}"


BENEFIT_TEXTS: dict[type[Any], Callable[[Any, str], str]] = {
    o.Percent: describe_percent,
    o.Amount: describe_amount,
    o.SetPrice: describe_set_price,
    o.BuyGet: describe_buy_get,
    o.Groups: describe_groups,
    o.Tiers: describe_tiers,
    o.UnitLadder: describe_unit_ladder,
    o.GiftBenefit: describe_gift,
}


def describe_target(benefit: o.Percent | o.Amount | o.SetPrice, currency: str) -> str:
    """Describe what the benefit applies to."""
    select = benefit.narrowing.select
    if benefit.on == "order":
        return "the order" if select == o.EVERYTHING else describe_selection(select, currency)
    if benefit.on == "shipping":
        methods = f" by {join_or(select.shipping_ids)}" if select.shipping_ids else ""
        return ("every shipping method" if benefit.each else "shipping") + methods
    target = {"line": "each line", "unit": "each unit", "cheapest_line": "the cheapest line"}[benefit.on]
    return target + of_selection(select, currency)


def describe_limits(benefit: o.Benefit, currency: str) -> list[str]:
    """Describe the limits of a benefit."""
    narrowing = benefit.narrowing
    per_line = " per line" if narrowing.per == "line" else ""
    limits = [
        f"on up to {pluralize(narrowing.max_units, 'unit')}{per_line}" if narrowing.max_units else "",
        f"{PICKS[narrowing.pick]} first" if narrowing.pick and narrowing.max_units else "",
        f"only complete groups of {narrowing.only_complete_groups_of}{per_line}"
        if narrowing.only_complete_groups_of
        else "",
        f"up to {format_amount(narrowing.max_discount, currency)}" if narrowing.max_discount is not None else "",
        "split by quantity" if narrowing.split == "quantity" else "",
    ]
    return [limit for limit in limits if limit]


# --- conditions ---------------------------------------------------------------------------------------------------
def describe_condition(condition: o.Condition, currency: str) -> str:
    """Describe one condition as a clause."""
    return CONDITION_TEXTS[type(condition)](condition, currency)


def describe_subtotal(condition: o.Subtotal, currency: str) -> str:
    unit = condition.currency or currency
    selection = of_selection(condition.select, unit)
    subject = f"the total{selection}" if selection else "the order"
    limit = {"min_subtotal": "at least ", "max_subtotal": "at most ", "subtotal_equals": "exactly "}[condition.kind]
    basis = " after discounts" if condition.basis == "running" else ""
    return f"{subject} is {limit}{format_amount(condition.value, unit)}{basis}"


def describe_quantity(condition: o.Quantity, currency: str) -> str:
    subject = "a line" if condition.kind == "min_line_quantity" else "the cart"
    return f"{subject} has at least {pluralize(condition.value, 'unit')}{of_selection(condition.select, currency)}"


def describe_contains(condition: o.Contains, currency: str) -> str:
    return f"the cart contains {pluralize(condition.quantity, 'unit')}{of_selection(condition.select, currency)}"


def describe_one_of(condition: o.OneOf, currency: str) -> str:
    names = [DAYS.get(name, name) for name in condition.any] if condition.kind == "weekdays" else list(condition.any)
    if condition.kind == "audience":
        names = [name.replace("_", " ") for name in names]
    subject = {
        "audience": "the customer is in",
        "transaction_type": "the transaction type is",
        "currency": "the currency is",
        "country": "the country is",
        "shipping_method": "the shipping method is",
        "weekdays": "the day is",
    }[condition.kind]
    return f"{subject} {join_or(names)}"


def describe_nth_order(condition: o.NthOrder, currency: str) -> str:
    return f"it is the customer's {'first' if condition.value == 1 else format_ordinal(condition.value)} order"


def describe_hours(condition: o.Hours, currency: str) -> str:
    return f"the time is between {condition.start} and {condition.end}"


def describe_dates(condition: o.DateRange, currency: str) -> str:
    start = format_date(condition.start) if condition.start else ""
    end = format_date(condition.end) if condition.end else ""
    if start and end:
        return f"the date is from {start} to {end}"
    return f"the date is {start} or later" if start else f"the date is {end} or earlier"


CONDITION_TEXTS: dict[type[Any], Callable[[Any, str], str]] = {
    o.Subtotal: describe_subtotal,
    o.Quantity: describe_quantity,
    o.Contains: describe_contains,
    o.OneOf: describe_one_of,
    o.NthOrder: describe_nth_order,
    o.Hours: describe_hours,
    o.DateRange: describe_dates,
}


# --- formatting ---------------------------------------------------------------------------------------------------
def describe_selection(select: o.Select, currency: str) -> str:
    """Describe the products that a select matches."""
    names = join_or(select.categories or select.skus) if select.categories or select.skus else ""
    if select.categories and select.skus:
        names += f" with SKU {join_or(select.skus)}"
    if select.brands:
        names = f"{names or 'items'} by {join_or(select.brands)}"
    excluded = [*select.exclude_categories, *select.exclude_skus]
    details = [f"excluding {join_or(excluded)}"] if excluded else []
    if select.unit_price_from is not None:
        details.append(f"from {format_amount(select.unit_price_from, currency)}")
    if select.unit_price_to is not None:
        details.append(f"up to {format_amount(select.unit_price_to, currency)}")
    if select.skip_already_discounted:
        details.append("excluding sale items")
    return f"{names or 'any item'} ({', '.join(details)})" if details else names or "any item"


def of_selection(select: o.Select, currency: str) -> str:
    """Return the selection after "of", or nothing where it matches all products."""
    return "" if select == o.EVERYTHING else f" of {describe_selection(select, currency)}"


def count_of(count: int, select: o.Select, currency: str) -> str:
    """Return a number of units with their selection, or the number alone where it matches all products."""
    return str(count) if select == o.EVERYTHING else f"{pluralize(count, 'unit')}{of_selection(select, currency)}"


def join_or(names: Sequence[str]) -> str:
    """Join alternatives with commas and "or"."""
    shown = list(names[:MAX_NAMES_SHOWN])
    if len(names) > MAX_NAMES_SHOWN:
        return f"{', '.join(shown)} or {len(names) - MAX_NAMES_SHOWN:,} more"
    return ", ".join(shown[:-1]) + (" or " if len(shown) > 1 else "") + shown[-1]


def format_amount(value: Decimal, currency: str) -> str:
    """Format an amount with its currency; an amount that does not fit the currency as the author wrote it."""
    try:
        return format_currency(to_minor(value, iso_exponent(currency)), currency)
    except ValueError:
        return f"{value:f} {currency}"


def format_percent(value: Decimal) -> str:
    """Format a percentage without trailing zeros."""
    return f"{value.normalize():f}%"


def format_date(text: str) -> str:
    """Format an ISO 8601 date, or a datetime in UTC."""
    if len(text) == 10:
        day = date.fromisoformat(text)
        return f"{day.day} {day:%b %Y}"
    time = parse_datetime(text).astimezone(UTC)
    return f"{time.day} {time:%b %Y, %H:%M} UTC"


def pluralize(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def format_times(limit: int) -> str:
    return "once" if limit == 1 else f"up to {limit:,} times"


def format_ordinal(position: int) -> str:
    """Format an ordinal number such as "3rd"."""
    suffix = "th" if position % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position}{suffix}"
