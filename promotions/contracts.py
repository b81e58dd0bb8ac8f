"""What every kind of code promises to checkout."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from accounts.contracts import Shopper
from promotions.engine import Offer


@dataclass(frozen=True, slots=True)
class Candidate:
    """A code that a shopper sent and could have: an offer that may come into play.

    ``id`` is the public id of what the code stands for, ``key`` the kind's own key of it (opaque to checkout),
    ``order`` its age in seconds since 1970 (the older first among equals).
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


@dataclass(frozen=True, slots=True)
class Rejection:
    """A code that cannot be had, with the one reason: ``{"code", "detail", ...}``."""

    code: str
    reason: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Taking:
    """What the engine chose of one kind for one redemption: the candidate's ``key`` and the minor units taken off."""

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
    before: int
    at: datetime
    until: datetime
    takings: Sequence[Taking] = field(default_factory=tuple)


class Redeemer(Protocol):
    """A kind of code at checkout. Each verb runs inside its caller's transaction; none sends anything outside.

    ``offers`` asks and writes nothing. ``reserve`` takes one use of each taking until ``purchase.until``, in the order
    of the keys, or raises the refusal that stands against it. ``confirm`` makes the uses final or raises
    ReservationExpired. ``release`` gives back what was reserved, ``refund`` what was confirmed; both answer the same
    when repeated.
    """

    kind: str

    def offers(
        self, *, codes: Sequence[str], shopper: Shopper | None, at: datetime
    ) -> Sequence[Candidate | Rejection]: ...

    def reserve(self, *, purchase: Purchase) -> None: ...

    def confirm(self, *, purchase: Purchase) -> None: ...

    def release(self, *, purchase: Purchase) -> None: ...

    def refund(self, *, purchase: Purchase) -> None: ...
