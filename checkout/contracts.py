"""Requests to checkout and its results, as plain values."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pricing import Cart, Decision, Explanation, Facts, Offer, Profile, ShopperFacts
from redemptions.contracts import MAX_RESERVATION, Candidate, Rejection, SelectedOffer
from redemptions.identities import NO_IDENTITIES, Identities

DEFAULT_TTL = MAX_SHOPPER_TTL = 900  # seconds
MAX_TTL = int(MAX_RESERVATION.total_seconds())  # of servers
MAX_CART_TOTAL = 10**14  # minor units; far above any order, far below the database's maximum
DRAFT_KEY_PREFIX = "draft/"  # of a draft's candidate key, so that a draft is never mistaken for a live promotion


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """A cart, the codes typed for it and the IDs of vouchers.

    ``shop`` is the slug of the brand whose server sends the request, or None. ``platform_key`` is the ID of the key of
    the platform's checkout, or None. ``order`` is the order reference, if it has one: a reservation of this order is
    not another order of the customer. ``identities`` are who the customer also is.
    """

    cart: Cart
    codes: tuple[str, ...]
    vouchers: tuple[str, ...] = ()
    shop: str | None = None
    order: str = ""
    platform_key: uuid.UUID | None = None
    identities: Identities = NO_IDENTITIES

    def count_codes(self) -> int:
        """Return the number of codes and vouchers, which anyone can guess."""
        return len(self.codes) + len(self.vouchers)


@dataclass(frozen=True, slots=True)
class PurchaseTotals:
    """Totals of a customer's confirmed orders with one brand.

    ``largest`` is the largest order total in the brand's currency, in minor units; None without such an order.
    ``first_at`` and ``last_at`` are the confirmation times of the first and the last order.
    """

    orders: int
    largest: int | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """The numbers of a customer's other orders with one brand: paid ones, and those that may be paid or not."""

    placed: int = 0
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """A priced cart: the engine's decision about the candidates, and the codes that yielded no candidate.

    ``facts`` and ``profile`` are the engine's other input, kept so that the decision can be repeated. ``methods`` are
    the decisions for each shipping method of a cart that chooses none of several; ``decision`` is that of the cheapest.
    """

    request: QuoteRequest
    decision: Decision
    facts: ShopperFacts
    profile: Profile
    candidates: Mapping[str, Candidate]
    rejections: Sequence[Rejection]
    at: datetime
    methods: Mapping[str, Decision] = field(default_factory=dict)

    def get_reference(self, item: SelectedOffer) -> str:
        """Return the reference of the candidate that an item redeems."""
        return next(
            reference
            for reference, candidate in self.candidates.items()
            if (candidate.key, candidate.code) == (item.key, item.code)
        )

    def get_candidate(self, kind: str, key: str) -> Candidate:
        """Return the candidate of a kind with this key."""
        return next(one for one in self.candidates.values() if (one.kind, one.key) == (kind, key))


@dataclass(frozen=True, slots=True)
class PriceRecord:
    """The engine's complete input for one redemption, read from the stored JSON.

    ``at`` is the time of the pricing. A record of an earlier release has none: that is when the redemption was created.
    """

    cart: Cart
    candidates: Mapping[str, Candidate]
    facts: ShopperFacts
    profile: Profile
    rejections: Sequence[Rejection]
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AvailableOffer:
    """An offer that the shopper can use now.

    For a request with a cart, ``amount`` is the offer's discount in minor units, or ``reason`` says why it gives none.
    """

    candidate: Candidate
    amount: int | None = None
    reason: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RedemptionOptions:
    """The order of a redemption and how to reserve it.

    ``brand_id`` is the brand whose server sends the order, ``platform_key`` the ID of the key of the platform's
    checkout; both are None for a shopper. ``expect_total`` is in minor units. With ``skip`` rejected codes are left out
    instead of failing the redemption. ``external_id`` and ``metadata`` are the sender's own data.
    """

    reference: str
    brand_id: uuid.UUID | None
    fingerprint: bytes
    ttl_seconds: int = DEFAULT_TTL
    expect_total: int | None = None
    skip: bool = False
    platform_key: uuid.UUID | None = None
    external_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


class Actor(StrEnum):
    """The role of a caller who changes an order: a server of its brand or of the platform, brand staff, the shopper."""

    SERVER = "server"
    STAFF = "staff"
    SHOPPER = "shopper"


class AmendmentTerms(StrEnum):
    """The offers that price an amended order: those that it has, as recorded, or all offers of now."""

    ORIGINAL = "original"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class AmendmentOptions:
    """How to amend an order. ``codes`` and ``vouchers`` None stand for those that it has.

    ``expect_total`` is in minor units. With ``skip``, new codes that are rejected are left out instead of failing the
    amendment. ``metadata`` is added to that of the order; ``external_id`` None stands for that of the order.
    """

    terms: AmendmentTerms = AmendmentTerms.ORIGINAL
    codes: tuple[str, ...] | None = None
    vouchers: tuple[str, ...] | None = None
    expect_total: int | None = None
    skip: bool = False
    external_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderTotals:
    """The amounts of an order, in minor units."""

    subtotal: int
    discount: int
    total: int


@dataclass(frozen=True, slots=True)
class OrderPart:
    """What one brand sees of an order of several: its offers, by their positions, and lines."""

    positions: frozenset[int]
    lines: frozenset[str]


Shares = tuple[int, ...]
"""Discounts in minor units, by item of an order, in the order of the items."""


@dataclass(frozen=True, slots=True)
class Repricing:
    """The discounts of a line or of the shipping when a refund priced the kept rest of the order again.

    ``value`` is the part of the subtotal that had come back by then, ``returned`` the discounts that had, and ``left``
    those that stay as long as nothing else comes back. ``units`` are the discounted units of a line that stay, by item;
    None in a repricing of an earlier release.
    """

    value: int
    returned: Shares
    left: Shares
    units: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class DraftPromotion:
    """A promotion to simulate. ``id`` is the caller's own; ``budgets``, ``ceilings``, the most that an order gets, and
    ``per_customer``, the most that the customer gets, are in minor units by currency. ``units`` is its limit of units.

    ``currency`` is the currency of amounts that name none; None for the currency of the cart.
    With ``by_code`` the promotion is evaluated only if its normalized ``code`` is in the cart.
    """

    id: str
    name: str
    offer: Offer
    by_code: bool = False
    code: str | None = None
    budgets: Mapping[str, int] = field(default_factory=dict)
    ceilings: Mapping[str, int] = field(default_factory=dict)
    currency: str | None = None
    units: int | None = None
    per_customer: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """The drafts of a simulation and its assumptions about the customer and the pricing.

    ``facts`` replace the customer's stored facts, and ``profile`` the brand's pricing profile; None keeps these.
    ``include_live`` adds the brand's active offers.
    """

    drafts: Sequence[DraftPromotion]
    facts: Facts | None = None
    profile: Profile | None = None
    include_live: bool = False


@dataclass(frozen=True, slots=True)
class Simulation:
    """A quote with explanations. ``not_evaluated`` explains, by ID, the drafts whose code isn't in the cart."""

    quote: Quote
    options: SimulationOptions
    not_evaluated: Mapping[str, Explanation]
