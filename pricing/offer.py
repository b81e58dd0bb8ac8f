"""An offer as a value: conditions, benefits, and how it combines.

Amounts here are `Decimal`s as their author wrote them, because an offer does not always know the currency it will
meet. An amount with a `currency` is worth nothing in a cart of another one; an amount without is in the cart's own.
One with more decimals than the cart's currency has does not fit that cart. In both cases the offer is refused
with `currency_mismatch`. Percentages are `Decimal`s with at most two decimals, 0 < value <= 100.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Select:
    """Which lines (or shipping methods) are meant; whatever is empty or None leaves every line in.

    `unit_price_from` and `unit_price_to` (both inclusive) look at the undiscounted price.
    """

    skus: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    exclude_skus: tuple[str, ...] = ()
    exclude_categories: tuple[str, ...] = ()
    unit_price_from: Decimal | None = None
    unit_price_to: Decimal | None = None
    skip_already_discounted: bool = False
    shipping_ids: tuple[str, ...] = ()


EVERYTHING = Select()


@dataclass(frozen=True, slots=True)
class Subtotal:
    """`min_subtotal`, `max_subtotal`, `subtotal_equals`: the selected lines' value `before` discounts or `running`."""

    kind: str
    value: Decimal
    basis: str = "before"
    select: Select = EVERYTHING
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """`min_quantity` (units of all selected lines together) and `min_line_quantity` (of some one selected line)."""

    kind: str
    value: int
    select: Select = EVERYTHING


@dataclass(frozen=True, slots=True)
class Contains:
    """`contains`: at least `quantity` units that the select takes."""

    kind: str
    select: Select
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class OneOf:
    """`audience`, `transaction_type`, `currency`, `country`, `shipping_method`, `weekdays`: the fact is among `any`."""

    kind: str
    any: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NthOrder:
    """`nth_order`: the order being placed is the shopper's `value`th with this brand; 1 is their first."""

    kind: str
    value: int


@dataclass(frozen=True, slots=True)
class Hours:
    """`hours`: from "HH:MM" up to, not including, "HH:MM" in the brand's time zone; may run over midnight."""

    kind: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class DateRange:
    """`date_range`: days ("2026-12-01", the last one included) in the brand's time zone, or instants (end excluded)."""

    kind: str
    start: str | None = None
    end: str | None = None


Condition = Subtotal | Quantity | Contains | OneOf | NthOrder | Hours | DateRange


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What any benefit may be narrowed by, and the `currency` of every amount in it (None: the cart's).

    `pick=None`: cheapest first, or for `buy_get` as the profile's `free_units`. `per` says whether `max_units` and
    `only_complete_groups_of` count over the order (default) or within each line (default for `unit_ladder`).
    """

    select: Select = EVERYTHING
    max_units: int | None = None
    per: str | None = None
    pick: str | None = None
    only_complete_groups_of: int | None = None
    max_discount: Decimal | None = None
    split: str = "value"
    currency: str | None = None


PLAIN = Narrowing()


@dataclass(frozen=True, slots=True)
class Percent:
    """`percent`: `value` per cent of `on`."""

    kind: str
    value: Decimal
    on: str = "order"
    each: bool = False
    narrow: Narrowing = PLAIN


@dataclass(frozen=True, slots=True)
class Amount:
    """`amount`: `value` off `on`; `each`: off every shipping method rather than off all of them together."""

    kind: str
    value: Decimal
    on: str = "order"
    each: bool = False
    narrow: Narrowing = PLAIN


@dataclass(frozen=True, slots=True)
class SetPrice:
    """`set_price`: `on` costs `value`, only where that is cheaper."""

    kind: str
    value: Decimal
    on: str = "order"
    bundle_size: int | None = None
    each: bool = False
    narrow: Narrowing = PLAIN


@dataclass(frozen=True, slots=True)
class Buy:
    """The units that must be bought for one fulfilment of a `buy_get`."""

    quantity: int
    select: Select = EVERYTHING


@dataclass(frozen=True, slots=True)
class Get:
    """The units given for one fulfilment of a `buy_get`, and the percentage off them."""

    quantity: int
    select: Select = EVERYTHING
    percent: Decimal = Decimal(100)


@dataclass(frozen=True, slots=True)
class BuyGet:
    """`buy_get`: for each `buy`, up to `get.quantity` other units are cheaper."""

    kind: str
    buy: Buy
    get: Get
    repeat: bool = True
    narrow: Narrowing = PLAIN


@dataclass(frozen=True, slots=True)
class Then:
    """The nth unit of each group (or the nth share of all grouped units), and what it gets."""

    pick: str = "cheapest"
    nth: int = 1
    scope: str = "within_group"
    percent: Decimal | None = None
    amount: Decimal | None = None
    unit_price: Decimal | None = None
    max_uses: int | None = None


@dataclass(frozen=True, slots=True)
class Groups:
    """`groups`: whole groups of `size` units, each priced by exactly one of the five ways."""

    kind: str
    size: int
    fill: str = "cheapest"
    count: int | None = None
    percent: Decimal | None = None
    amount: Decimal | None = None
    unit_price: Decimal | None = None
    group_price: Decimal | None = None
    then: Then | None = None
    narrow: Narrowing = PLAIN


@dataclass(frozen=True, slots=True)
class Tier:
    """One step: from `start` (an amount or a number of units, inclusive) on, `value`."""

    start: Decimal | int
    value: Decimal


@dataclass(frozen=True, slots=True)
class Tiers:
    """`tiers`: the value of the highest tier reached, `base` below the first."""

    kind: str
    basis: str
    tiers: tuple[Tier, ...]
    unit: str
    base: Decimal = Decimal(0)
    on: str | None = None
    narrow: Narrowing = PLAIN


@dataclass(frozen=True, slots=True)
class UnitLadder:
    """`unit_ladder`: `first` off the first unit of a line, `next` off each further one, up to `max_units` of a line."""

    kind: str
    first: Decimal
    next: Decimal
    narrow: Narrowing = PLAIN


@dataclass(frozen=True, slots=True)
class GiftOf:
    """`gift`: `quantity` of `sku`, for `price` each."""

    kind: str
    sku: str
    quantity: int = 1
    price: Decimal = Decimal(0)
    narrow: Narrowing = PLAIN


Benefit = Percent | Amount | SetPrice | BuyGet | Groups | Tiers | UnitLadder | GiftOf


@dataclass(frozen=True, slots=True)
class Offer:
    """What a shopper gets and when. All conditions must hold; benefits are given in order."""

    benefits: tuple[Benefit, ...]
    conditions: tuple[Condition, ...] = field(default=())
    combinable: bool = True
    lane: int = 0
    priority: int = 0
    group: str | None = None
    exclusive: bool = False
    max_applications: int | None = None
