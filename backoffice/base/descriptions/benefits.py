"""Descriptions of benefits and their limits."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.descriptions.formats import (
    format_amount,
    format_ordinal,
    format_percent,
    format_times,
    format_units,
    join_or,
)
from backoffice.base.descriptions.selections import count_of, describe_selection, of_selection
from pricing import condition_values as c
from pricing import offer as o
from pricing.currencies import MoneyAmount

Text = str | Promise
SHIPPING_TEXTS: dict[tuple[str, bool], Text] = {
    ("all", False): gettext_lazy("shipping"),
    ("all", True): gettext_lazy("every shipping method"),
    ("cheapest", False): gettext_lazy("the cheapest shipping method"),
    ("credit_cheapest", False): gettext_lazy("the cheapest shipping method, credited to every method"),
}
TARGETS: dict[str, Text] = {
    "line": gettext_lazy("each line"),
    "unit": gettext_lazy("each unit"),
    "cheapest_line": gettext_lazy("the cheapest line"),
}
ORDERS: dict[str, Text] = {
    "cheapest": gettext_lazy("cheapest first"),
    "dearest": gettext_lazy("most expensive first"),
}
PICKS: dict[tuple[str, bool], Text] = {  # by order, and whether it is the first
    ("cheapest", True): gettext_lazy("the cheapest of %(group)s"),
    ("dearest", True): gettext_lazy("the most expensive of %(group)s"),
    ("cheapest", False): gettext_lazy("the %(ordinal)s cheapest of %(group)s"),
    ("dearest", False): gettext_lazy("the %(ordinal)s most expensive of %(group)s"),
}
TIER_TEXTS: dict[tuple[bool, bool], Text] = {  # whether it is off shipping, and whether it is below the first tier
    (False, False): gettext_lazy("%(value)s off from %(start)s"),
    (False, True): gettext_lazy("%(value)s off below %(start)s"),
    (True, False): gettext_lazy("%(value)s off shipping from %(start)s"),
    (True, True): gettext_lazy("%(value)s off shipping below %(start)s"),
}


def describe_benefit(benefit: o.Benefit, currency: str) -> str:
    """Describe one benefit and its limits."""
    unit = benefit.narrowing.currency or currency
    return ", ".join([BENEFIT_TEXTS[type(benefit)](benefit, unit), *describe_limits(benefit, unit)])


def describe_percent(benefit: o.Percent, currency: str) -> str:
    return _off(format_percent(benefit.value), describe_target(benefit, currency))


def describe_amount(benefit: o.Amount, currency: str) -> str:
    text = _off(format_amount(benefit.value, currency), describe_target(benefit, currency))
    return _("%(discount)s, the rest stays on the code") % {"discount": text} if benefit.keep_balance else text


def _off(value: str, target: str) -> str:
    return _("%(value)s off %(target)s") % {"value": value, "target": target}


def describe_set_price(benefit: o.SetPrice, currency: str) -> str:
    price = format_amount(benefit.value, currency)
    if benefit.on == "shipping" and not benefit.value and benefit.methods == "all":
        methods = benefit.narrowing.select.shipping_ids
        return _("free shipping by %(methods)s") % {"methods": join_or(methods)} if methods else _("free shipping")
    if benefit.on == "bundle":
        units = count_of(benefit.bundle_size or 1, benefit.narrowing.select, currency)
        return _("any %(units)s for %(price)s") % {"units": units, "price": price}
    return _("%(target)s for %(price)s") % {"target": describe_target(benefit, currency), "price": price}


def describe_buy_get(benefit: o.BuyGet, currency: str) -> str:
    bought, discounted = benefit.buy.select, benefit.get.select
    texts = {
        "bought": count_of(benefit.buy.quantity, bought, currency),
        "count": benefit.get.quantity,
        "units": count_of(benefit.get.quantity, discounted, currency),
        "price": describe_get_price(benefit.get, currency),
    }
    is_more = discounted == bought
    text = (
        _("buy %(bought)s, get %(count)s more %(price)s") if is_more else _("buy %(bought)s, get %(units)s %(price)s")
    ) % texts
    limits = []
    if not benefit.repeat:
        limits.append(_("once per order"))
    if not benefit.partial:
        limits.append(_("only if the cart has all of them"))
    return ", ".join([text, *limits])


def describe_get_price(get: o.Get, currency: str) -> str:
    """Describe the price of the discounted units."""
    if get.amount is not None:
        return _("at %(amount)s off each") % {"amount": format_amount(get.amount, currency)}
    if get.unit_price is not None:
        return _for_each(get.unit_price, currency)
    percent = get.percent or Decimal(100)
    return _("free") if percent == 100 else _("%(percent)s off") % {"percent": format_percent(percent)}


def _for_each(price: MoneyAmount, currency: str) -> str:
    return _("for %(amount)s each") % {"amount": format_amount(price, currency)}


def describe_groups(benefit: o.Groups, currency: str) -> str:
    group = _("every %(units)s") % {"units": count_of(benefit.size, benefit.narrowing.select, currency)}
    if benefit.then is None:
        text = f"{group} {describe_group_price(benefit, currency)}"
        return f"{text}, {format_times(benefit.count)}" if benefit.count else text
    then = benefit.then
    picked = str(PICKS[then.pick, then.nth == 1]) % {"ordinal": format_ordinal(then.nth), "group": group}
    if then.scope == "across_groups":
        picked = _("%(units)s (across all groups)") % {"units": picked}
    text = f"{picked} {describe_group_price(then, currency)}"
    return f"{text}, {format_times(then.max_uses)}" if then.max_uses else text


def describe_group_price(price: o.Groups | o.Then, currency: str) -> str:
    """Describe the price of a group, or of the unit picked from it."""
    if price.percent is not None:
        percent = format_percent(price.percent)
        return _("free") if price.percent == 100 else _("at %(percent)s off") % {"percent": percent}
    if price.amount is not None:
        return _("at %(amount)s off") % {"amount": format_amount(price.amount, currency)}
    if price.unit_price is not None:
        return _for_each(price.unit_price, currency)
    together = getattr(price, "group_price", None) or Decimal(0)
    return _("for %(amount)s together") % {"amount": format_amount(together, currency)}


def describe_tiers(benefit: o.Tiers, currency: str) -> str:
    def format_value(value: MoneyAmount) -> str:
        if benefit.unit == "percent" and isinstance(value, Decimal):
            return format_percent(value)
        return format_amount(value, currency)

    def format_start(start: MoneyAmount | int) -> str:
        return format_units(start) if isinstance(start, int) else format_amount(start, currency)

    def describe_tier(value: MoneyAmount, start: MoneyAmount | int, *, is_base: bool) -> str:
        text = str(TIER_TEXTS[benefit.on == "shipping", is_base])
        return text % {"value": format_value(value), "start": format_start(start)}

    parts = [describe_tier(tier.value, tier.start, is_base=False) for tier in benefit.tiers]
    if benefit.base:
        parts.insert(0, describe_tier(benefit.base, benefit.tiers[0].start, is_base=True))
    if benefit.narrowing.select != c.EVERYTHING:
        products = describe_selection(benefit.narrowing.select, currency)
        parts.append(_("on %(products)s") % {"products": products})
    if benefit.basis == "line_amount":
        parts.append(_("per line"))
    return ", ".join(parts)


def describe_unit_ladder(benefit: o.UnitLadder, currency: str) -> str:
    units = of_selection(_("each additional unit"), benefit.narrowing.select, currency)
    return _("%(first)s off the first unit and %(next)s off %(units)s, per line") % {
        "first": format_amount(benefit.first, currency), "next": format_amount(benefit.next, currency), "units": units,
    }  # fmt: skip


def describe_gift(benefit: o.GiftBenefit, currency: str) -> str:
    gift = {"units": format_units(benefit.quantity), "sku": benefit.sku}
    text = _("%(units)s of %(sku)s as a free gift") % gift
    if benefit.price:
        text = _("%(units)s of %(sku)s %(price)s") % {**gift, "price": _for_each(benefit.price, currency)}
    if benefit.narrowing.per == "unit":
        unit = of_selection(_("each unit"), benefit.narrowing.select, currency)
        text = _("%(gift)s for %(unit)s") % {"gift": text, "unit": unit}
    return text


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
        return _("the order") if select == c.EVERYTHING else describe_selection(select, currency)
    if benefit.on == "shipping":
        target = str(SHIPPING_TEXTS[benefit.methods, benefit.each and benefit.methods == "all"])
        if not select.shipping_ids:
            return target
        return _("%(shipping)s by %(methods)s") % {"shipping": target, "methods": join_or(select.shipping_ids)}
    return of_selection(str(TARGETS[benefit.on]), select, currency)


def describe_limits(benefit: o.Benefit, currency: str) -> list[str]:
    """Describe the limits of a benefit."""
    narrowing, per_line = benefit.narrowing, benefit.narrowing.per == "line"
    limits = []
    if narrowing.max_units:
        units = {"units": format_units(narrowing.max_units)}
        limits.append((_("on up to %(units)s per line") if per_line else _("on up to %(units)s")) % units)
    if narrowing.pick and narrowing.max_units:
        limits.append(str(ORDERS[narrowing.pick]))
    if size := narrowing.only_complete_groups_of:
        text = _("only complete groups of %(size)s per line") if per_line else _("only complete groups of %(size)s")
        limits.append(text % {"size": size})
    if narrowing.max_discount is not None:
        limits.append(_("up to %(amount)s") % {"amount": format_amount(narrowing.max_discount, currency)})
    if narrowing.split == "quantity":
        limits.append(_("split by quantity"))
    return limits
