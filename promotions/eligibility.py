"""Index keys by which a cart finds the automatic promotions whose offers it could satisfy."""

from decimal import Decimal

from pricing import Cart, Offer, Select
from pricing.condition_values import Contains, Subtotal
from pricing.offer import BuyGet, GiftBenefit

MATCH_ALL = "*"
UPSELL_FACTOR = 2  # a cart that reaches half of a minimum is still shown what is missing


def match_keys(offer: Offer, *, brand: str) -> list[str]:
    """Return index keys of an offer of the brand. A cart that matches none of them can't satisfy the offer.

    The keys are the smallest set among what each ``contains`` condition requires and what the benefits discount. An
    offer that may discount any product has the one key ``<brand>|*``.
    """
    token_sets = [_tokens(condition.select) for condition in offer.conditions if isinstance(condition, Contains)]
    benefits = [
        {MATCH_ALL} if isinstance(benefit, GiftBenefit | BuyGet) else _tokens(benefit.narrowing.select)
        for benefit in offer.benefits
    ]
    token_sets.append(set().union(*benefits))
    smallest = min(token_sets, key=lambda tokens: (MATCH_ALL in tokens, len(tokens)))
    return sorted(f"{brand}|{token}" for token in smallest) if MATCH_ALL not in smallest else [f"{brand}|{MATCH_ALL}"]


def _tokens(select: Select) -> set[str]:
    if select.skus:
        return {f"sku:{sku}" for sku in select.skus}
    if select.categories:
        return {f"cat:{category}" for category in select.categories}
    return {MATCH_ALL}


def cart_match_keys(cart: Cart, *, shop: str | None) -> list[str]:
    """Return every index key that the cart matches, for the brands of its lines and for the calling shop."""
    keys = {f"{shop}|{MATCH_ALL}"} if shop else set()
    for line in cart.lines:
        if line.brand:
            keys |= {f"{line.brand}|{MATCH_ALL}", f"{line.brand}|sku:{line.sku}"}
            keys |= {f"{line.brand}|cat:{category}" for category in line.categories}
    return sorted(keys)


def required_subtotal(offer: Offer) -> Decimal | None:
    """Return the highest minimum that the offer requires of the subtotal of a whole cart, or None without one.

    Of an amount per currency, the smallest value counts, so that no cart is left out.
    """
    minimums = [
        condition.value if isinstance(condition.value, Decimal) else min(value for _, value in condition.value.values)
        for condition in offer.conditions
        if isinstance(condition, Subtotal)
        and condition.kind == "min_subtotal"
        and condition.basis == "before"
        and condition.select == Select()
    ]
    return max(minimums, default=None)


def upsell_subtotal(cart: Cart) -> Decimal:
    """Return the highest minimum subtotal of offers to suggest: the cart's subtotal times ``UPSELL_FACTOR``."""
    subtotal = sum(line.quantity * line.unit_price for line in cart.lines)
    return Decimal(subtotal).scaleb(-cart.exponent) * UPSELL_FACTOR
