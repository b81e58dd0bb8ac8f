"""What the engine is asked and what it answers.

Money is an `int` of the currency's minor units everywhere in this file; `Cart.exponent` says how many decimals
the currency has (EUR 2, JPY 0, KWD 3). Amounts inside offers are another matter: see `offer.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pricing.offer import Offer


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a cart. `min_unit_price` is a floor that no discount of any kind goes below.

    `discountable=False`: the line gets nothing and takes no part in any split; it still counts for conditions.
    `brand`: the slug of the brand that sells it; None means that the caller names no brand.
    """

    id: str
    sku: str
    quantity: int
    unit_price: int
    categories: frozenset[str] = frozenset()
    brand: str | None = None
    min_unit_price: int = 0
    discountable: bool = True
    already_discounted: bool = False


@dataclass(frozen=True, slots=True)
class Shipping:
    """One shipping method of a cart and its price."""

    id: str
    price: int


@dataclass(frozen=True, slots=True)
class Cart:
    """What a shopper is about to buy. Line ids are distinct, and so are shipping ids; quantities are at least 1."""

    currency: str
    exponent: int
    lines: tuple[Line, ...]
    shipping: tuple[Shipping, ...] = ()
    transaction_type: str = "purchase"
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What one brand knows about the shopper: the segment types they are in, the orders they completed."""

    segments: frozenset[str] = frozenset()
    placed_orders: int = 0


@dataclass(frozen=True, slots=True)
class ShopperFacts:
    """The shopper's facts by brand slug. An offer of no brand reads the entry under the empty string."""

    by_brand: Mapping[str, Facts] = field(default_factory=dict)

    def of(self, brand: str | None) -> Facts:
        """The facts that an offer of `brand` looks at; a brand that knows nothing sees a newcomer."""
        return self.by_brand.get(brand or "") or ANONYMOUS


ANONYMOUS = Facts()


@dataclass(frozen=True, slots=True)
class EligibleOffer:
    """An offer that this shopper could have now, with what the engine must know about its origin.

    `ref` is unique among the offers of one call. `brand`: it touches only lines of that brand and lines that name
    none. `timezone`: an IANA name, for weekdays, hours and dates. `order`: lower is older. `budget_left`: minor
    units, None when there is no budget.
    """

    ref: str
    kind: str
    title: str
    offer: Offer
    brand: str | None = None
    timezone: str = "UTC"
    order: int = 0
    code: str | None = None
    budget_left: int | None = None


@dataclass(frozen=True, slots=True)
class LinePrice:
    """What a line costs: `total` = `subtotal` - `discount`."""

    id: str
    subtotal: int
    discount: int
    total: int


@dataclass(frozen=True, slots=True)
class ShippingPrice:
    """What a shipping method costs: `price` before, `discount` off it."""

    id: str
    price: int
    discount: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What one offer took off, in all and by line and shipping method (only those it touched, in the cart's order)."""

    ref: str
    amount: int
    lines: tuple[tuple[str, int], ...] = ()
    shipping: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Gift:
    """A gift that an offer adds. `price`: what the shopper pays for each, minor units (0: nothing)."""

    ref: str
    sku: str
    quantity: int
    price: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why an offer is not given. `code` is stable; `members` hold what the code speaks of, as text or lists of text."""

    ref: str
    code: str
    detail: str
    members: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NextBest:
    """An offer that is only a little away. `missing`: {"amount": "4.10"} or {"quantity": 2}, or both.

    `amount`: what it would take off the cart as it stands (at least; minor units).
    """

    ref: str
    missing: Mapping[str, object]
    amount: int


@dataclass(frozen=True, slots=True)
class Checked:
    """One condition as it was looked at: what it needed and saw (plain JSON values), and whether it held."""

    kind: str
    required: object
    actual: object
    passed: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one offer: its conditions, and `outcome`: "applied" or the code of its rejection."""

    ref: str
    conditions: tuple[Checked, ...]
    outcome: str
    detail: str
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """The price of a cart. `total` = `subtotal` + `shipping_total` - `discount_total`; nothing in it is negative.

    `shipping_total` is before discounts. `method`: "exact" when every allowed choice was priced, else "bounded".
    """

    lines: tuple[LinePrice, ...]
    shipping: tuple[ShippingPrice, ...]
    subtotal: int
    shipping_total: int
    discount_total: int
    total: int
    applied: tuple[Applied, ...] = ()
    gifts: tuple[Gift, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    next_best: tuple[NextBest, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    method: str = "exact"
