"""Values and protocol between checkout and the kinds of offer."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from accounts.contracts import Grant, Shopper
from core.errors import DomainError
from pricing import Cart, Offer
from redemptions.identities import NO_IDENTITIES, Identities
from redemptions.stored_values import CodeBalance, StoredValue

NO_OFFER = uuid.UUID(int=0)  # of an item of an earlier release whose offer no longer exists
MAX_RESERVATION = timedelta(days=7)  # so long a backend may have to keep a reservation: until a bank transfer arrives


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offer that checkout may apply, automatically or by a code of the request.

    ``code`` is empty for an automatic offer. ``id`` is the public ID of the promotion, code, coupon or voucher, ``key``
    the kind's own key of it (opaque to checkout). ``order`` is its creation time in seconds since 1970; of equally good
    offers the oldest applies. ``offer_id`` is its ID among the offers of all kinds, which events refer to; None for an
    offer that is only simulated. ``currency`` is the currency of amounts that name none, the brand's; None for the
    currency of the cart. ``budgets_left`` are what the customer may get of its budgets, in minor units by currency;
    empty without a budget. ``units_left`` is the number of units of goods that it has left; None without such a limit.
    ``ceilings`` are the most that an order gets, and ``currencies`` those of the carts that it applies to; None for
    all. ``balance`` is that of the code, if it keeps one. ``limited_by`` is the scope of the limit that leaves
    ``budgets_left``, by currency, where that isn't the budget: the maximum of the customer, or that of a grant between
    brands.
    """

    kind: str
    id: str
    key: str
    code: str
    title: str
    brand_id: uuid.UUID
    brand: str
    timezone: str
    offer: Offer
    order: int
    budgets_left: Mapping[str, int] = field(default_factory=dict)
    offer_id: uuid.UUID | None = None
    currency: str | None = None
    ceilings: Mapping[str, int] = field(default_factory=dict)
    currencies: frozenset[str] | None = None
    balance: CodeBalance | None = None
    units_left: int | None = None
    limited_by: Mapping[str, str] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        """The reference of the candidate within one pricing."""
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A code that can't be redeemed, with the reason: ``{"code", "detail", ...}``, and its offer if it has one."""

    code: str
    reason: dict[str, Any]
    kind: str = ""
    offer_id: uuid.UUID | None = None
    brand_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class CandidateQuery:
    """Query of checkout for the candidates of one kind: cart, keys of codes of this kind, shopper and time.

    ``vouchers`` are the IDs of the vouchers that the shopper chose; the kind answers for each, with the ID as its code.
    ``shop`` is the slug of the brand whose server calls, if any. ``segments`` are further segment types of that brand
    that a simulation assumes for the shopper. ``identities`` are who the shopper also is.
    """

    cart: Cart
    shop: str | None
    codes: Sequence[int]
    shopper: Shopper | None
    at: datetime
    segments: Sequence[str] = ()
    vouchers: Sequence[str] = ()
    identities: Identities = NO_IDENTITIES


@dataclass(frozen=True, slots=True)
class AvailabilityQuery:
    """Query for the offers that a shopper could use, up to ``limit`` of a kind. Without ``brands``, all brands."""

    shopper: Shopper
    brands: frozenset[str]
    at: datetime
    limit: int
    identities: Identities = NO_IDENTITIES


@dataclass(frozen=True, slots=True)
class SelectedOffer:
    """An offer that the engine applied: the candidate's ``key`` and ``offer_id``, and the discount in minor units.

    ``code`` is empty for an automatic offer. ``units`` is the number of discounted units of goods and of gifts.
    """

    key: str
    code: str
    amount: int
    offer_id: uuid.UUID = NO_OFFER
    units: int = 0


@dataclass(frozen=True, slots=True)
class Purchase:
    """A redemption and the offers of one kind that it uses.

    ``subtotal`` includes shipping, in minor units of ``currency``. ``is_renewed`` is set for items that the redemption
    had before and no longer has: their reservation expired, or an amendment dropped them. ``identities`` are who the
    shopper also is: each takes from the limits per customer, too. ``grants`` let a brand's server give offers of other
    brands, by brand; their discounts count per month. ``former_keys`` are those of customers who were merged into the
    shopper after the purchase: rows that the shopper could not have twice stay theirs.
    """

    id: uuid.UUID
    shopper_key: int
    currency: str
    subtotal: int
    at: datetime
    until: datetime
    items: Sequence[SelectedOffer] = field(default_factory=tuple)
    is_renewed: bool = False
    identities: Identities = NO_IDENTITIES
    grants: Mapping[uuid.UUID, Grant] = field(default_factory=dict)
    former_keys: Sequence[int] = ()

    @property
    def customer_keys(self) -> list[int]:
        """The keys of the customers whose rows can be those of the purchase."""
        return [self.shopper_key, *self.former_keys]


@dataclass(frozen=True, slots=True)
class CustomerMove:
    """What of a customer, the source, becomes that of another one, the target: of offers of one brand, with its orders.

    ``orders`` are the IDs of the redemptions that the brand's server sent.
    """

    brand_id: uuid.UUID
    source: int
    target: int
    orders: Sequence[uuid.UUID]
    at: datetime

    def as_params(self) -> dict[str, Any]:
        """Return the parameters of the kinds' statements."""
        customers = {"source": self.source, "target": self.target}
        return {"brand": self.brand_id, "orders": list(self.orders), "at": self.at, **customers}


@dataclass(frozen=True, slots=True)
class ReturnedItem:
    """What a refund returns of an item: a part of its discount, in minor units, units of goods, and perhaps its use."""

    key: str
    amount: int
    is_use_returned: bool
    units: int = 0


@dataclass(frozen=True, slots=True)
class AmendedItem:
    """The discount of an item before and after an amendment of its order, in minor units, and its units of goods.

    ``before`` is None for an item that the order didn't have, ``after`` for one that it no longer has.
    """

    key: str
    code: str
    before: int | None
    after: int | None
    offer_id: uuid.UUID = NO_OFFER
    units_before: int = 0
    units_after: int = 0


@dataclass(frozen=True, slots=True)
class LimitedOffer:
    """An offer with its budgets and limits.

    ``budgets`` are in minor units by currency, and ``caps`` those of budgets and limits by scope; of several that are
    reached, the first is reported. ``ceilings`` are the most that an order gets, in minor units by currency, and
    ``currencies`` those in which the offer has all of these amounts; None without any. ``timezone`` is that of the
    brand: periods begin at its midnight. With ``counts_codes``, a use notes the single-use code that it redeemed.
    ``stored_value`` is its amount if each of its codes keeps a balance.

    ``customer_caps`` are caps per customer that the kind itself upholds for the customer: here, only the customer's
    further identities take from them. With ``counts_all``, each redemption has a use, also one that takes nothing.
    """

    kind: str
    id: uuid.UUID
    brand_id: uuid.UUID
    timezone: str
    budgets: Mapping[str, int]
    caps: Mapping[str, int]
    ceilings: Mapping[str, int] = field(default_factory=dict)
    currencies: frozenset[str] | None = None
    counts_codes: bool = False
    stored_value: StoredValue | None = None
    customer_caps: Mapping[str, int] = field(default_factory=dict)
    counts_all: bool = False

    def counts_use(self, identities: Identities) -> bool:
        """Return whether a redemption by a customer with these further identities has a use."""
        is_counted = self.counts_all or self.caps or self.counts_codes or self.stored_value
        return bool(is_counted or identities.list_slots(self.brand_id))

    @property
    def needs_cart(self) -> bool:
        """Whether only a cart tells what a redemption takes: an amount of money, or units of goods."""
        return self.currencies is not None or "units" in self.caps


class OfferUnavailable(Exception):
    """Raised when an applied offer has become unavailable because another redemption used the last of it."""

    def __init__(self, item: SelectedOffer, error: DomainError) -> None:
        super().__init__(item.key)
        self.item, self.error = item, error


class BalanceChanged(OfferUnavailable):
    """Raised when less is left of the balance of a code than when the cart was priced. Callers price it again."""


class RedemptionBackend(Protocol):
    """Protocol of a kind of offer at checkout, implemented by the objects in ``settings.REDEMPTION_BACKENDS``.

    Every method runs inside its caller's transaction and sends nothing to other systems. A kind keeps what only it can
    guarantee; ``redemptions.purchases`` takes budgets and limits for every kind.
    """

    KIND: str

    def candidates(self, *, query: CandidateQuery) -> Sequence[Candidate | Rejection]:
        """Return the automatic offers, and for each code its offer or a rejection. Writes nothing."""
        ...

    def available(self, *, query: AvailabilityQuery) -> Sequence[Candidate]:
        """Return the offers that the shopper could use without entering a code, newest first. Writes nothing."""
        ...

    def lock_offers(self, *, offers: Collection[uuid.UUID]) -> Mapping[uuid.UUID, LimitedOffer]:
        """Lock offers of the kind against changes of their limits, and return them by ID."""
        ...

    def record_uses(self, *, offer: uuid.UUID) -> None:
        """Insert the uses of an offer that were not counted before it got a limit. The caller has locked the offer."""
        ...

    def reserve(self, *, purchase: Purchase) -> Mapping[uuid.UUID, LimitedOffer]:
        """Reserve one use of each item until ``purchase.until``, in the order of the keys. Raises OfferUnavailable.

        Lock the offers as ``lock_offers``, and return the same.
        """
        ...

    def confirm(self, *, purchase: Purchase) -> None:
        """Confirm the reservations of the items. Raises ReservationExpired."""
        ...

    def release(self, *, purchase: Purchase) -> None:
        """Release the reservations of the items. Repeating the call has no effect."""
        ...

    def return_items(self, *, purchase: Purchase, returned: Sequence[ReturnedItem]) -> None:
        """Return parts of the discounts of confirmed items, to budgets and figures, and the uses that are returned.

        The caller has locked the redemption and makes sure that no more is returned than an item has. An item whose use
        was returned stays as it is.
        """
        ...

    def amend_items(self, *, purchase: Purchase, amended: Sequence[AmendedItem]) -> None:
        """Change the discounts of confirmed items, which stay used, also in budgets and figures.

        The use of an item that the order no longer has is returned; a new one is taken and confirmed. The caller has
        locked the redemption; ``purchase`` has the items after the amendment. Raises OfferUnavailable.
        """
        ...

    def move_customer(self, *, move: CustomerMove) -> Collection[tuple[uuid.UUID, uuid.UUID]]:
        """Make what the kind keeps of a customer that of another one.

        Rows of which each customer can have only one stay, if the target has one, too, and keep their effect. Return
        redemptions without an order that were moved, with their offers. The caller has locked the orders.
        """
        ...

    def active_items(self, *, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], bool]:
        """Return the state of the purchases' items by redemption and key, for consistency checks.

        The state is True for confirmed items, and False for reserved ones. Items that are neither are absent.
        """
        ...

    def returned_amounts(self, *, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], int]:
        """Return what refunds returned of the discounts of active items by redemption and key, for consistency checks.

        Items of a kind that keeps no discounts are absent.
        """
        ...

    def offer_names(self, *, offers: Collection[uuid.UUID]) -> Mapping[uuid.UUID, str]:
        """Return the names of offers by their IDs among the offers of all kinds. Unknown IDs are absent."""
        ...


@runtime_checkable
class StandaloneBackend(Protocol):
    """Protocol of a kind whose offers can be redeemed without an order: a ``RedemptionBackend`` with these, too.

    Staff of a brand end such redemptions, and the audit log records it. Repeating a call has no effect. The methods
    raise NotFound, also for a redemption that belongs to an order, and InvalidStatus.
    """

    KIND: str

    def release_redemption(self, *, redemption: uuid.UUID, brand: uuid.UUID, at: datetime) -> None:
        """Release a reservation of one of the brand's offers."""
        ...

    def return_redemption(self, *, redemption: uuid.UUID, brand: uuid.UUID, at: datetime) -> None:
        """Return a confirmed redemption of one of the brand's offers."""
        ...


@dataclass(frozen=True, slots=True)
class CodeOffer:
    """An offer as its codes need it. ``error`` is raised by attempts to add or assign codes, if any.

    An offer with the status ended or archived gets no codes anyway. ``is_live`` tells whether customers can redeem its
    codes now or later. ``url`` is the offer's page in the admin. ``stored_value`` is its amount if each of its codes
    keeps a balance.
    """

    id: uuid.UUID
    brand_id: uuid.UUID
    name: str
    description: str
    start_date: datetime | None
    end_date: datetime
    status: str
    is_live: bool
    url: str
    error: DomainError | None = None
    stored_value: StoredValue | None = None


class CodeStatus(StrEnum):
    """Statuses of a code. A code for many redemptions is available, expired or revoked."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


@runtime_checkable
class CodeBackend(Protocol):
    """Protocol of a kind whose offers have codes: a ``RedemptionBackend`` with these methods, too."""

    KIND: str

    def describe_code_offers(self, *, offers: Collection[uuid.UUID], at: datetime) -> Mapping[uuid.UUID, CodeOffer]:
        """Return the offers of the kind with these IDs, by ID; unknown ones are absent. Writes nothing."""
        ...

    def get_code_statuses(self, *, offer: uuid.UUID, codes: Collection[str], at: datetime) -> Mapping[str, CodeStatus]:
        """Return the statuses of those codes of an offer that are used or reserved; available ones are absent."""
        ...
