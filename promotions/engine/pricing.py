"""The one question of the engine: what does this cart cost?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from promotions.engine.profile import Profile
from promotions.engine.values import Cart, Decision, InPlay, LinePrice, ShippingPrice, ShopperFacts


def price(
    cart: Cart,
    in_play: Sequence[InPlay],
    facts: ShopperFacts,
    profile: Profile,
    at: datetime,
    *,
    explain: bool = False,
) -> Decision:
    """Prices `cart` at the instant `at` (which must carry an offset)."""
    lines = tuple(LinePrice(e.id, e.quantity * e.unit_price, 0, e.quantity * e.unit_price) for e in cart.lines)
    shipping = tuple(ShippingPrice(e.id, e.price, 0) for e in cart.shipping)
    subtotal, freight = sum(e.subtotal for e in lines), sum(e.price for e in shipping)
    return Decision(lines, shipping, subtotal, freight, 0, subtotal + freight)
