"""What every kind of code promises to checkout."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from accounts.contracts import Shopper
from core.errors import DomainError
from pricing import Cart, Offer


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offer that may come into play, by a code that the shopper sent or by itself.

    ``code`` is empty for what comes into play by itself. ``id`` is the public id of what it stands for, ``key`` the
    kind's own key of it (opaque to checkout), ``order`` its age in seconds since 1970 (the older first among equals).
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
    budget_left: int | None = None

    @property
    def ref(self) -> str:
        """What it is called inside one pricing."""
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A code that cannot be had, with the one reason: ``{"code", "detail", ...}``."""

    code: str
    reason: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CandidateQuery:
    """What checkout asks every kind: the cart, its codes of that kind (normalised), whose it is, and when.

    ``vouchers`` are the ids of things that the shopper has and chose: the kind whose they are answers for each, with
    the id as its code. ``shop`` is the slug of the brand whose server asks, if one does. ``segments`` are segment types
    of that brand that the shopper is taken to be in beside those that are known, for a simulation.
    """

    cart: Cart
    shop: str | None
    codes: Sequence[str]
    shopper: Shopper | None
    at: datetime
    segments: Sequence[str] = ()
    vouchers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class AvailabilityQuery:
    """What a shopper looks for: offers of these brands (of any, when none is named), at most ``limit`` of a kind."""

    shopper: Shopper
    brands: frozenset[str]
    at: datetime
    limit: int


@dataclass(frozen=True, slots=True)
class SelectedOffer:
    """What the engine chose of one kind for one redemption: the candidate's ``key`` and the minor units taken off.

    ``code`` is empty for what came into play by itself.
    """

    key: str
    code: str
    amount: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """The redemption that takings belong to. ``before`` is what the cart costs before
    discounts, shipping included, in minor units of ``currency``."""

    id: uuid.UUID
    shopper_key: int
    currency: str
    subtotal: int
    at: datetime
    until: datetime
    items: Sequence[SelectedOffer] = field(default_factory=tuple)


class OfferUnavailable(Exception):
    """What the engine chose is no longer to be had, since others took the last of it meanwhile."""

    def __init__(self, item: SelectedOffer, error: DomainError) -> None:
        super().__init__(item.key)
        self.item, self.error = item, error


class RedemptionBackend(Protocol):
    """A kind of offer at checkout; ``settings.REDEMPTION_BACKENDS`` names the module that keeps it.

    Each verb runs inside its caller's transaction; none sends anything outside.

    ``offers`` asks and writes nothing: what the codes offer or why not, and what comes into play by itself.
    ``available`` asks what the shopper could have without typing anything, newest first. ``reserve`` takes one use of
    each taking until ``purchase.until``, in the order of the keys, or raises Lost with the refusal that stands against
    one. ``confirm`` makes the uses final or raises ReservationExpired. ``release`` gives back what was reserved,
    ``refund`` what was confirmed; both answer the same when repeated. ``standing`` says what is kept of takings, for
    audits: by redemption and key, True when final, False when held, None when this kind keeps no record of it; what is
    absent does not stand.
    """

    KIND: str

    def candidates(self, *, query: CandidateQuery) -> Sequence[Candidate | Rejection]: ...

    def available(self, *, query: AvailabilityQuery) -> Sequence[Candidate]: ...

    def reserve(self, *, purchase: Purchase) -> None: ...

    def confirm(self, *, purchase: Purchase) -> None: ...

    def release(self, *, purchase: Purchase) -> None: ...

    def return_items(self, *, purchase: Purchase) -> None: ...

    def active_items(self, *, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], bool | None]: ...
