"""`gift`: something that is put into the bag; it takes nothing off what is already there."""

from __future__ import annotations

from promotions.engine.benefits.family import Gain, Give, Ground
from promotions.engine.offer import EVERYTHING, GiftOf
from promotions.engine.prices import Prices
from promotions.engine.values import Gift


def gift(benefit: GiftOf, ground: Ground) -> Give:
    """The gift, once; with a `select`, only when the cart has a line that it takes."""
    wanted = benefit.narrow.select == EVERYTHING or bool(ground.all_lines(benefit.narrow.select))
    given = Gift(ground.ref, benefit.sku, benefit.quantity, ground.minor(benefit.price))
    gain = Gain(gifts=(given,)) if wanted else Gain()

    def give(prices: Prices) -> Gain:
        return gain

    return give
