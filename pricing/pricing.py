"""The one question of the engine: what does this cart cost?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from pricing.candidates import CartContext, candidate
from pricing.combinations import Combination, choose
from pricing.evaluation import AppliedDiscount
from pricing.explain import explanations, next_best, rejections
from pricing.prices import Prices
from pricing.profile import Profile
from pricing.selection import in_order
from pricing.values import Applied, Cart, Decision, EligibleOffer, LinePrice, ShippingPrice, ShopperFacts


def price(
    cart: Cart,
    in_play: Sequence[EligibleOffer],
    facts: ShopperFacts,
    profile: Profile,
    at: datetime,
    *,
    explain: bool = False,
) -> Decision:
    """Prices `cart` at the instant `at` with the offers in play.

    The answer depends on nothing else, and not on the order of the lines, shipping methods or offers. With `explain`
    it says for every offer what each condition needed and saw; this costs about as much again.

    Raises ValueError when `at` carries no offset, ZoneInfoNotFoundError when an offer's time zone does not exist.
    """
    if at.tzinfo is None:
        raise ValueError("an instant needs an offset")
    order = in_order(cart)
    freight = sorted(range(len(cart.shipping)), key=lambda index: cart.shipping[index].id)
    lines = [cart.lines[index] for index in order]
    shipping = [cart.shipping[index] for index in freight]
    table = CartContext(cart, lines, shipping, facts, profile, at)
    fresh = Prices(lines, shipping, profile.remainder)
    candidates = [candidate(each, table) for each in in_play]
    chosen = choose(fresh, [each for each in candidates if each.rejection is None])
    rejected = rejections(fresh, candidates, chosen)
    return replace(
        priced(cart, order, freight, chosen),
        rejected=tuple(rejected.values()),
        next_best=next_best(fresh, candidates, chosen),
        explanations=explanations(fresh, candidates, rejected, chosen) if explain else (),
    )


def priced(cart: Cart, order: Sequence[int], freight: Sequence[int], chosen: Combination) -> Decision:
    """What the choice comes to, by the caller's ids. `order`, `freight`: the cart's index of each of the engine's."""
    gained = chosen.outcome.gained
    lines = line_prices(cart, order, gained.values())
    shipping = shipping_prices(cart, freight, gained.values())
    subtotal, shipping_total = sum(each.subtotal for each in lines), sum(each.price for each in shipping)
    discount = sum(each.amount for each in gained.values())
    return Decision(
        lines=lines,
        shipping=shipping,
        subtotal=subtotal,
        shipping_total=shipping_total,
        discount_total=discount,
        total=subtotal + shipping_total - discount,
        applied=tuple(applied(ref, each, cart, order, freight) for ref, each in gained.items()),
        gifts=tuple(gift for each in gained.values() for gift in each.gifts),
        method=chosen.method,
    )


def line_prices(cart: Cart, order: Sequence[int], gained: Iterable[AppliedDiscount]) -> tuple[LinePrice, ...]:
    """Every line as the caller gave it, in the caller's order."""
    off = [0] * len(cart.lines)
    for each in gained:
        for index, amount in each.lines.items():
            off[order[index]] += amount
    subtotals = [line.quantity * line.unit_price for line in cart.lines]
    return tuple(
        LinePrice(line.id, subtotal, less, subtotal - less)
        for line, subtotal, less in zip(cart.lines, subtotals, off, strict=True)
    )


def shipping_prices(cart: Cart, order: Sequence[int], gained: Iterable[AppliedDiscount]) -> tuple[ShippingPrice, ...]:
    """Every shipping method in the caller's order."""
    off = [0] * len(cart.shipping)
    for each in gained:
        for index, amount in each.shipping.items():
            off[order[index]] += amount
    return tuple(ShippingPrice(each.id, each.price, less) for each, less in zip(cart.shipping, off, strict=True))


def applied(ref: str, gained: AppliedDiscount, cart: Cart, order: Sequence[int], freight: Sequence[int]) -> Applied:
    """What one offer took off, by the caller's ids."""
    lines = sorted((order[index], amount) for index, amount in gained.lines.items() if amount)
    shipping = sorted((freight[index], amount) for index, amount in gained.shipping.items() if amount)
    return Applied(
        ref,
        gained.amount,
        tuple((cart.lines[index].id, amount) for index, amount in lines),
        tuple((cart.shipping[index].id, amount) for index, amount in shipping),
    )
