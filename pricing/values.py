"""Input and output values of the pricing engine.

Money in this module is an `int` of the currency's minor units; `Cart.exponent` is the number of decimals of the
currency (EUR 2, JPY 0, KWD 3). Amounts in offers are `Decimal`s: see `offer.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pricing.condition_values import AttributeValue
from pricing.offer import Offer


@dataclass(frozen=True, slots=True)
class Line:
    """Line of a cart. No discount reduces the price of a unit below `min_unit_price`.

    A line with `discountable=False` gets no discount and no share of a split, but counts for conditions. `brand` is the
    slug of the brand that sells the line, or None when the caller names no brand.
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
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shipping:
    """Shipping method of a cart, with its price."""

    id: str
    price: int


@dataclass(frozen=True, slots=True)
class Cart:
    """Cart to price. Line ids are distinct, and so are shipping ids; quantities are at least 1.

    With the `shipping_method` of an order, the other methods are alternatives that cost nothing. Without it, the order
    pays for all methods.
    """

    currency: str
    exponent: int
    lines: tuple[Line, ...]
    shipping: tuple[Shipping, ...] = ()
    transaction_type: str = "purchase"
    country: str | None = None
    shipping_method: str | None = None
    channel: str | None = None
    store: str | None = None
    payment_method: str | None = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    customer_attributes: Mapping[str, AttributeValue] = field(default_factory=dict)

    @property
    def used_shipping(self) -> tuple[Shipping, ...]:
        """The shipping methods that the order pays for: the chosen one, or all if none is chosen."""
        chosen = self.shipping_method
        return tuple(method for method in self.shipping if chosen is None or method.id == chosen)

    @property
    def shipping_total(self) -> int:
        """The price of shipping without discounts, in minor units."""
        return sum(method.price for method in self.used_shipping)


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that one brand knows about a shopper: the shopper's segment types, number of orders and attributes.

    ``placed_orders`` were paid. ``reserved_orders`` are under way: each may still be paid or not. Attributes of the
    customer in the cart take precedence.
    """

    segments: frozenset[str] = frozenset()
    placed_orders: int = 0
    reserved_orders: int = 0
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShopperFacts:
    """Facts about the shopper by brand slug. An offer without a brand uses the entry of the empty string."""

    by_brand: Mapping[str, Facts] = field(default_factory=dict)

    def for_brand(self, brand: str | None) -> Facts:
        """Return the facts that apply to an offer of `brand`. A brand without an entry sees an anonymous shopper."""
        return self.by_brand.get(brand or "") or ANONYMOUS


ANONYMOUS = Facts()


@dataclass(frozen=True, slots=True)
class EligibleOffer:
    """Offer that the shopper may get now, with what the engine must know about its origin.

    `ref` is unique among the offers of one call. `brand` limits the offer to lines of that brand and lines without a
    brand. `timezone` is an IANA name that applies to weekdays, hours and dates. A lower `order` means an older offer.
    `currency` is the currency of amounts that name none, the brand's; None for the currency of the cart. `budget_left`
    is in minor units of the cart's currency, or None when there is no budget in it. `ceiling` is the most that the
    offer gives, in the same units. `budget_currencies` are the currencies with a budget and a ceiling; empty when there
    is none in any. `balance_left` is the balance of the code, for an offer that keeps one; without it, the amount of
    the offer applies. `units_left` is the number of units that the offer may still be applied to, or None for no limit.
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
    ceiling: int | None = None
    balance_left: int | None = None
    currency: str | None = None
    budget_currencies: tuple[str, ...] = ()
    units_left: int | None = None


@dataclass(frozen=True, slots=True)
class LinePrice:
    """Price of a line: `total` = `subtotal` - `discount`."""

    id: str
    subtotal: int
    discount: int
    total: int


@dataclass(frozen=True, slots=True)
class ShippingPrice:
    """Undiscounted price of a shipping method, and the discount on it."""

    id: str
    price: int
    discount: int


@dataclass(frozen=True, slots=True)
class Applied:
    """Discount of one offer: the total, and the amount per affected line and shipping method, in the cart's order.

    `units` are the discounted units of each of these lines, and `gift_units` those of its gifts.
    """

    ref: str
    amount: int
    lines: tuple[tuple[str, int], ...] = ()
    shipping: tuple[tuple[str, int], ...] = ()
    units: tuple[tuple[str, int], ...] = ()
    gift_units: int = 0

    def count_units(self) -> int:
        """Return how many units of goods the offer is applied to, with gifts."""
        return sum(count for _, count in self.units) + self.gift_units


@dataclass(frozen=True, slots=True)
class Gift:
    """Gift that an offer adds. `price` is what the shopper pays per unit, in minor units; 0 means free."""

    ref: str
    sku: str
    quantity: int
    price: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """Reason why an offer is not applied.

    `code` is stable; `members` hold the details of the code, as text or lists of text.
    """

    ref: str
    code: str
    detail: str
    members: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NextBest:
    """Offer that would apply if the cart had a little more.

    `missing` is {"amount": "4.10"}, {"quantity": 2} or both. `amount` is the least discount, in minor units, that the
    offer would give on the present cart.
    """

    ref: str
    missing: Mapping[str, object]
    amount: int


@dataclass(frozen=True, slots=True)
class Checked:
    """Result of one condition, for an explanation: the required and actual values (JSON) and whether it passed."""

    kind: str
    required: object
    actual: object
    passed: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanation of one offer: its conditions, and the `outcome`, which is "applied" or the code of the rejection."""

    ref: str
    conditions: tuple[Checked, ...]
    outcome: str
    detail: str
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """Price of a cart. `total` = `subtotal` + `shipping_total` - `discount_total`; no amount is negative.

    `subtotal` and `shipping_total` are undiscounted. `method` is "exact" when every allowed combination was priced,
    else "bounded".
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
