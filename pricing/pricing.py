"""Entry point of the engine: price a cart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from pricing.candidates import CartContext, prepare_offer
from pricing.combinations import Combination, choose_combination
from pricing.evaluation import AppliedDiscount
from pricing.explain import explain_offers, find_next_best, list_rejections
from pricing.prices import Prices
from pricing.profile import Profile
from pricing.selection import sort_lines
from pricing.values import Applied, Cart, Decision, EligibleOffer, LinePrice, ShippingPrice, ShopperFacts


def price(
    cart: Cart,
    offers: Sequence[EligibleOffer],
    facts: ShopperFacts,
    profile: Profile,
    at: datetime,
    *,
    explain: bool = False,
) -> Decision:
    """Price `cart` with the eligible offers at the datetime `at`.

    The result depends on the arguments alone, and not on the order of the lines, shipping methods or offers. With
    `explain` it contains the required and actual value of every condition; that takes about twice the time.

    Raises ValueError when `at` has no UTC offset, and ZoneInfoNotFoundError when the time zone of an offer is unknown.
    """
    if at.tzinfo is None:
        raise ValueError("an instant needs an offset")
    line_order = sort_lines(cart)
    shipping_order = sorted(range(len(cart.shipping)), key=lambda index: cart.shipping[index].id)
    lines = [cart.lines[index] for index in line_order]
    shipping = [cart.shipping[index] for index in shipping_order]
    cart_context = CartContext(cart, lines, shipping, facts, profile, at)
    chosen = next((index for index, method in enumerate(shipping) if method.id == cart.shipping_method), None)
    fresh = Prices(lines, shipping, profile.remainder, chosen)
    candidates = [prepare_offer(candidate, cart_context) for candidate in offers]
    combination = choose_combination(fresh, [candidate for candidate in candidates if candidate.rejection is None])
    rejected = list_rejections(fresh, candidates, combination)
    return replace(
        build_decision(cart, line_order, shipping_order, combination),
        rejected=tuple(rejected.values()),
        next_best=find_next_best(fresh, candidates, combination),
        explanations=explain_offers(fresh, candidates, rejected, combination) if explain else (),
    )


def build_decision(
    cart: Cart, line_order: Sequence[int], shipping_order: Sequence[int], combination: Combination
) -> Decision:
    """Convert a combination to a decision with the caller's ids.

    `line_order` and `shipping_order` map indexes of the engine to indexes of the cart.
    """
    discounts = combination.outcome.applied
    lines = build_line_prices(cart, line_order, discounts.values())
    shipping = build_shipping_prices(cart, shipping_order, discounts.values())
    subtotal = sum(line.subtotal for line in lines)
    shipping_total = cart.shipping_total
    discount_total = sum(discount.amount for discount in discounts.values())
    return Decision(
        lines=lines,
        shipping=shipping,
        subtotal=subtotal,
        shipping_total=shipping_total,
        discount_total=discount_total,
        total=subtotal + shipping_total - discount_total,
        applied=tuple(
            build_applied(ref, discount, cart, line_order, shipping_order) for ref, discount in discounts.items()
        ),
        gifts=tuple(gift for discount in discounts.values() for gift in discount.gifts),
        method=combination.method,
    )


def build_line_prices(
    cart: Cart, line_order: Sequence[int], discounts: Iterable[AppliedDiscount]
) -> tuple[LinePrice, ...]:
    """Return the price of every line, in the caller's order."""
    amounts = [0] * len(cart.lines)
    for discount in discounts:
        for index, amount in discount.lines.items():
            amounts[line_order[index]] += amount
    subtotals = [line.quantity * line.unit_price for line in cart.lines]
    return tuple(
        LinePrice(line.id, subtotal, reduction, subtotal - reduction)
        for line, subtotal, reduction in zip(cart.lines, subtotals, amounts, strict=True)
    )


def build_shipping_prices(
    cart: Cart, shipping_order: Sequence[int], discounts: Iterable[AppliedDiscount]
) -> tuple[ShippingPrice, ...]:
    """Return the price of every shipping method, in the caller's order."""
    amounts = [0] * len(cart.shipping)
    for discount in discounts:
        for index, amount in discount.shipping.items():
            amounts[shipping_order[index]] += amount
    return tuple(
        ShippingPrice(method.id, method.price, reduction)
        for method, reduction in zip(cart.shipping, amounts, strict=True)
    )


def build_applied(
    ref: str, discount: AppliedDiscount, cart: Cart, line_order: Sequence[int], shipping_order: Sequence[int]
) -> Applied:
    """Return the discount of one offer with the caller's ids."""
    lines = sorted((line_order[index], amount) for index, amount in discount.lines.items() if amount)
    shipping = sorted((shipping_order[index], amount) for index, amount in discount.shipping.items() if amount)
    units = sorted((line_order[index], count) for index, count in discount.units.items())
    return Applied(
        ref,
        discount.amount,
        tuple((cart.lines[index].id, amount) for index, amount in lines),
        tuple((cart.shipping[index].id, amount) for index, amount in shipping),
        tuple((cart.lines[index].id, count) for index, count in units),
        discount.gift_units,
    )
