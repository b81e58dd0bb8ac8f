"""Offers as values: benefits, and how an offer combines with others.

Amounts are `Decimal`s as their author wrote them, or have one value for each currency (`PerCurrency`). A plain amount
is in the `currency` of its part, else in the one that a `currency` condition names, else in the brand's. An offer is
rejected with `currency_mismatch` by a cart in a currency that one of its amounts has no value for. Percentages are
`Decimal`s with at most two decimals, 0 < value <= 100.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from pricing.condition_values import EVERYTHING, Condition, Select
from pricing.currencies import MoneyAmount


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Limits that every benefit may have, and the `currency` of all its plain amounts (None: that of the offer).

    With `pick=None` the cheapest units come first, or for `buy_get` those of the profile's `free_units`. `per` tells
    whether `max_units` and `only_complete_groups_of` apply to the order (default) or to each line (default for
    `unit_ladder`).
    """

    select: Select = EVERYTHING
    max_units: int | None = None
    per: str | None = None
    pick: str | None = None
    only_complete_groups_of: int | None = None
    max_discount: MoneyAmount | None = None
    split: str = "value"
    currency: str | None = None


NO_NARROWING = Narrowing()


@dataclass(frozen=True, slots=True)
class Percent:
    """`percent`: `value` percent off `on`.

    `methods` are the shipping methods that it applies to: `all`, the `cheapest` one, or `credit_cheapest`, which takes
    what the cheapest one saves off each of them.
    """

    kind: str
    value: Decimal
    on: str = "order"
    each: bool = False
    methods: str = "all"
    narrowing: Narrowing = NO_NARROWING


@dataclass(frozen=True, slots=True)
class Amount:
    """`amount`: `value` off `on`. With `each`, it applies to every shipping method, not to their total.

    With `keep_balance`, a code keeps what an order doesn't take: `value` is the most that an order takes.
    """

    kind: str
    value: MoneyAmount
    on: str = "order"
    each: bool = False
    methods: str = "all"
    keep_balance: bool = False
    narrowing: Narrowing = NO_NARROWING


@dataclass(frozen=True, slots=True)
class SetPrice:
    """`set_price`: `on` costs `value`, where that is cheaper."""

    kind: str
    value: MoneyAmount
    on: str = "order"
    bundle_size: int | None = None
    each: bool = False
    methods: str = "all"
    narrowing: Narrowing = NO_NARROWING


@dataclass(frozen=True, slots=True)
class Buy:
    """Units to buy for one application of a `buy_get`."""

    quantity: int
    select: Select = EVERYTHING


@dataclass(frozen=True, slots=True)
class Get:
    """Units discounted by one application of a `buy_get`, and one of three prices."""

    quantity: int
    select: Select = EVERYTHING
    percent: Decimal | None = None
    amount: MoneyAmount | None = None
    unit_price: MoneyAmount | None = None


@dataclass(frozen=True, slots=True)
class BuyGet:
    """`buy_get`: for each `buy`, up to `get.quantity` other units are cheaper.

    Without `partial`, nothing is cheaper unless the cart has all units that could be.
    """

    kind: str
    buy: Buy
    get: Get
    repeat: bool = True
    partial: bool = True
    narrowing: Narrowing = NO_NARROWING


@dataclass(frozen=True, slots=True)
class Then:
    """Nth unit of each group (or nth share of all grouped units), and its discount."""

    pick: str = "cheapest"
    nth: int = 1
    scope: str = "within_group"
    percent: Decimal | None = None
    amount: MoneyAmount | None = None
    unit_price: MoneyAmount | None = None
    max_uses: int | None = None


@dataclass(frozen=True, slots=True)
class Groups:
    """`groups`: complete groups of `size` units, each with exactly one of five prices."""

    kind: str
    size: int
    fill: str = "cheapest"
    count: int | None = None
    percent: Decimal | None = None
    amount: MoneyAmount | None = None
    unit_price: MoneyAmount | None = None
    group_price: MoneyAmount | None = None
    then: Then | None = None
    narrowing: Narrowing = NO_NARROWING


@dataclass(frozen=True, slots=True)
class Tier:
    """Tier: from `start` (an amount or a number of units, inclusive), the discount is `value`."""

    start: MoneyAmount | int
    value: MoneyAmount


@dataclass(frozen=True, slots=True)
class Tiers:
    """`tiers`: the value of the highest tier reached, or `base` below the first."""

    kind: str
    basis: str
    tiers: tuple[Tier, ...]
    unit: str
    base: MoneyAmount = Decimal(0)
    on: str | None = None
    narrowing: Narrowing = NO_NARROWING


@dataclass(frozen=True, slots=True)
class UnitLadder:
    """`unit_ladder`: `first` off the first unit of a line, `next` off each further one, up to `max_units` of a line."""

    kind: str
    first: MoneyAmount
    next: MoneyAmount
    narrowing: Narrowing = NO_NARROWING


@dataclass(frozen=True, slots=True)
class GiftBenefit:
    """`gift`: `quantity` units of `sku`, at `price` each, once per order or for each unit that the select matches."""

    kind: str
    sku: str
    quantity: int = 1
    price: MoneyAmount = Decimal(0)
    narrowing: Narrowing = NO_NARROWING


Benefit = Percent | Amount | SetPrice | BuyGet | Groups | Tiers | UnitLadder | GiftBenefit


@dataclass(frozen=True, slots=True)
class Offer:
    """Benefits and their conditions. All conditions must hold; the benefits apply in order.

    An offer `with_exclusive` also applies together with an exclusive one.
    """

    benefits: tuple[Benefit, ...]
    conditions: tuple[Condition, ...] = field(default=())
    combinable: bool = True
    lane: int = 0
    priority: int = 0
    group: str | None = None
    exclusive: bool = False
    with_exclusive: bool = False
    max_applications: int | None = None

    @property
    def stored_value(self) -> Amount | None:
        """The benefit whose codes keep a balance; None for other offers. It is the offer's only benefit."""
        benefit = self.benefits[0]
        return benefit if isinstance(benefit, Amount) and benefit.keep_balance else None
