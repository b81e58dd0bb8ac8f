"""An offer as a sentence: "20 % off shoes, at most 50.00 EUR, if the order comes to at least 100.00 EUR"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from pricing import offer as o

SHOWN = 4
"""How many names of a list are told; of the others, how many there are."""
DAYS = {
    "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday",
    "sun": "Sunday",
}  # fmt: skip


def describe_offer(offer: o.Offer, currency: str) -> str:
    """What the offer gives, and when. Amounts that name no currency are told in ``currency``, the brand's."""
    given = "; and ".join(benefit(each, currency) for each in offer.benefits)
    asked = " and ".join(condition(each, currency) for each in offer.conditions)
    more = combining(offer)
    sentence = given + (f", if {asked}" if asked else "") + "."
    return sentence[0].upper() + sentence[1:] + (f" {more}" if more else "")


def combining(offer: o.Offer) -> str:
    """How it stands beside other offers, where that is not as usual."""
    told = [
        "It stands alone." if offer.exclusive else "",
        "" if offer.combinable or offer.exclusive else "It is given alone, where that is better for the shopper.",
        f"Of the group {offer.group} only the best is given." if offer.group else "",
        f"It counts {format_times(offer.max_applications)} an order." if offer.max_applications else "",
        f"It is worked out in lane {offer.lane}." if offer.lane else "",
    ]  # fmt: skip
    return " ".join(filter(None, told))


# --- benefits -----------------------------------------------------------------------------------------------------
def benefit(it: o.Benefit, currency: str) -> str:
    """What one benefit gives, and how it is narrowed."""
    unit = it.narrow.currency or currency
    return ", ".join([BENEFIT_TEXTS[type(it)](it, unit), *narrowed(it, unit)])


def percent(it: o.Percent, unit: str) -> str:
    return f"{number(it.value)} % off {place(it, unit)}"


def amount(it: o.Amount, unit: str) -> str:
    return f"{money(it.value, unit)} off {place(it, unit)}"


def set_price(it: o.SetPrice, unit: str) -> str:
    if it.on == "shipping" and not it.value:
        methods = it.narrow.select.shipping_ids
        return f"free shipping by {join_or(methods)}" if methods else "free shipping"
    if it.on == "bundle":
        return f"any {it.bundle_size} of {describe_selection(it.narrow.select, unit)} for {money(it.value, unit)}"
    return f"{place(it, unit)} for {money(it.value, unit)}"


def buy_get(it: o.BuyGet, unit: str) -> str:
    bought, given = it.buy.select, it.get.select
    less = "free" if it.get.percent == 100 else f"{number(it.get.percent)} % off"
    what = f"buy {it.buy.quantity}{of_selection(bought, unit)} and get {it.get.quantity}"
    what += f"{of_selection(given, unit)} {less}" if given != bought else f" more {less}"
    return what + ("" if it.repeat else ", once")


def groups(it: o.Groups, unit: str) -> str:
    each = f"every {it.size} of {describe_selection(it.narrow.select, unit)}"
    if it.then is not None:
        which = f"the {it.then.pick}" if it.then.nth == 1 else f"the {ordinal(it.then.nth)} {it.then.pick}"
        whole = " (over all of them)" if it.then.scope == "across_groups" else ""
        return f"of {each} {which}{whole} {priced(it.then, unit)}" + (
            f", {format_times(it.then.max_uses)}" if it.then.max_uses else ""
        )
    return f"{each} {priced(it, unit)}" + (f", {format_times(it.count)}" if it.count else "")


def priced(it: o.Groups | o.Then, unit: str) -> str:
    """The one way in which a group or its nth unit is priced."""
    if it.percent is not None:
        return "free" if it.percent == 100 else f"at {number(it.percent)} % off"
    if it.amount is not None:
        return f"at {money(it.amount, unit)} off"
    if it.unit_price is not None:
        return f"for {money(it.unit_price, unit)} each"
    return f"for {money(getattr(it, 'group_price', None) or Decimal(0), unit)} together"


def tiers(it: o.Tiers, unit: str) -> str:
    def worth(value: Decimal) -> str:
        return f"{number(value)} %" if it.unit == "percent" else money(value, unit)

    def start(value: Decimal | int) -> str:
        return f"{value} units" if isinstance(value, int) else money(value, unit)

    where = "off shipping" if it.on == "shipping" else "off"
    steps = [f"{worth(tier.value)} {where} from {start(tier.start)}" for tier in it.tiers]
    base = [f"{worth(it.base)} {where} below that"] if it.base else []
    by_line = ", line by line" if it.basis == "line_amount" else ""
    return ", ".join(steps + base) + of_selection(it.narrow.select, unit) + by_line


def unit_ladder(it: o.UnitLadder, unit: str) -> str:
    first, further = money(it.first, unit), money(it.next, unit)
    return f"{first} off the first unit of each line of {describe_selection(it.narrow.select, unit)}, {further} off each further one"


def gift(it: o.GiftOf, unit: str) -> str:
    price = f" for {money(it.price, unit)} each" if it.price else " as a gift"
    return f"{it.quantity} of {it.sku}{price}"


BENEFIT_TEXTS: dict[type[Any], Callable[[Any, str], str]] = {
    o.Percent: percent, o.Amount: amount, o.SetPrice: set_price, o.BuyGet: buy_get, o.Groups: groups, o.Tiers: tiers,
    o.UnitLadder: unit_ladder, o.GiftOf: gift,
}  # fmt: skip


def place(it: o.Percent | o.Amount | o.SetPrice, unit: str) -> str:
    """What it is taken on."""
    select = it.narrow.select
    what = describe_selection(select, unit)
    every = "every shipping method" if it.each else "shipping"
    by = f" by {join_or(select.shipping_ids)}" if select.shipping_ids else ""
    whole = what if select != o.EVERYTHING else "the order"
    return {
        "order": whole, "line": f"each line of {what}", "unit": f"each unit of {what}", "shipping": every + by,
        "cheapest_line": f"the cheapest line of {what}",
    }[it.on]  # fmt: skip


def narrowed(it: o.Benefit, unit: str) -> list[str]:
    """The limits of a benefit."""
    narrow = it.narrow
    where = " of each line" if narrow.per == "line" else ""
    first = f", the {narrow.pick} first" if narrow.pick else ""
    told = [
        f"on at most {pluralize(narrow.max_units, 'unit')}{where}{first}" if narrow.max_units else "",
        f"in whole groups of {narrow.only_complete_groups_of}{where} only" if narrow.only_complete_groups_of else "",
        f"at most {money(narrow.max_discount, unit)}" if narrow.max_discount is not None else "",
        "shared by quantity" if narrow.split == "quantity" else "",
    ]
    return [each for each in told if each]


# --- conditions ---------------------------------------------------------------------------------------------------
def condition(it: o.Condition, currency: str) -> str:
    """What one condition asks."""
    return CONDITION_TEXTS[type(it)](it, currency)


def subtotal(it: o.Subtotal, currency: str) -> str:
    unit = it.currency or currency
    what = "the order comes" if it.select == o.EVERYTHING else f"{describe_selection(it.select, unit)} come"
    how = {"min_subtotal": "at least", "max_subtotal": "at most", "subtotal_equals": "exactly"}[it.kind]
    return f"{what} to {how} {money(it.value, unit)}" + (" after discounts" if it.basis == "running" else "")


def quantity(it: o.Quantity, currency: str) -> str:
    units = f"at least {pluralize(it.value, 'unit')}{of_selection(it.select, currency)}"
    return f"one line has {units}" if it.kind == "min_line_quantity" else f"there are {units}"


def contains(it: o.Contains, currency: str) -> str:
    return (
        f"{it.quantity} of {describe_selection(it.select, currency)} {'is' if it.quantity == 1 else 'are'} in the cart"
    )


def one_of(it: o.OneOf, currency: str) -> str:
    names = [DAYS.get(each, each) for each in it.any] if it.kind == "weekdays" else list(it.any)
    if it.kind == "audience":
        names = [each.replace("_", " ") for each in names]
    return {
        "audience": "the customer is in", "transaction_type": "the transaction is", "currency": "the cart is in",
        "country": "the order goes to", "shipping_method": "it is shipped by", "weekdays": "it is",
    }[it.kind] + f" {join_or(names)}"  # fmt: skip


def nth_order(it: o.NthOrder, currency: str) -> str:
    return f"it is the customer's {'first' if it.value == 1 else ordinal(it.value)} order"


def hours(it: o.Hours, currency: str) -> str:
    return f"it is between {it.start} and {it.end}"


def dates(it: o.DateRange, currency: str) -> str:
    return "it is " + " ".join(filter(None, [it.start and f"from {it.start} on", it.end and f"up to {it.end}"]))


CONDITION_TEXTS: dict[type[Any], Callable[[Any, str], str]] = {
    o.Subtotal: subtotal, o.Quantity: quantity, o.Contains: contains, o.OneOf: one_of, o.NthOrder: nth_order,
    o.Hours: hours, o.DateRange: dates,
}  # fmt: skip


# --- words --------------------------------------------------------------------------------------------------------
def describe_selection(select: o.Select, unit: str) -> str:
    """Which goods a select takes."""
    some = [join_or(names) for names in (select.categories, select.skus, select.brands) if names]
    told = " of ".join(some) if some else "anything"
    excluded = [*select.exclude_categories, *select.exclude_skus]
    but = [f"but not {join_or(excluded)}"] if excluded else []
    but += [f"from {money(select.unit_price_from, unit)}"] if select.unit_price_from is not None else []
    but += [f"up to {money(select.unit_price_to, unit)}"] if select.unit_price_to is not None else []
    but += ["not on sale already"] if select.skip_already_discounted else []
    return f"{told} ({', '.join(but)})" if but else told


def of_selection(select: o.Select, unit: str) -> str:
    """The same after a number; nothing where all goods are meant."""
    return "" if select == o.EVERYTHING else f" of {describe_selection(select, unit)}"


def join_or(names: Sequence[str]) -> str:
    """Some names, any of which will do."""
    shown = list(names[:SHOWN])
    if len(names) > SHOWN:
        return f"{', '.join(shown)} or {len(names) - SHOWN} more"
    return ", ".join(shown[:-1]) + (" or " if len(shown) > 1 else "") + shown[-1]


def money(value: Decimal, unit: str) -> str:
    """An amount as its author wrote it."""
    return f"{value:f} {unit}"


def number(value: Decimal) -> str:
    """A percentage without idle zeros."""
    return f"{value.normalize():f}"


def pluralize(number_: int, noun: str) -> str:
    return f"{number_} {noun}{'' if number_ == 1 else 's'}"


def format_times(most: int | None) -> str:
    return "at most once" if most == 1 else f"at most {most} times"


def ordinal(place_: int) -> str:
    """ "3rd", for 2 and above."""
    ending = "th" if place_ % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place_ % 10, "th")
    return f"{place_}{ending}"
