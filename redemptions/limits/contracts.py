"""Values of limits: what a caller asks for, what it took, and what was short."""

import uuid
from dataclasses import dataclass

UNLIMITED = 2**62
"""The cap of what is counted without a limit, for one that is set later."""

Key = tuple[uuid.UUID, str, str]
"""Owner, scope and slot: what one limit is counted by."""


@dataclass(frozen=True, slots=True)
class LimitRequest:
    """Request for ``amount`` of a limit of ``cap``.

    ``owner`` is the ID of the offer, or the key of the grant between brands that lets ``offer`` be given. ``scope``
    says what is counted: ``total``, or ``total:<strategy>`` unless it is sharded, ``customer``, ``day``, ``week``,
    ``month``, ``units``, ``budget:<currency>``, ``balance:<currency>`` or ``grant:<currency>``. ``slot`` is the key of
    the customer or a further identity, the first day of the period, the code that has the balance, or empty. ``home``
    chooses the shard that is tried first; callers spread it evenly.
    """

    owner: uuid.UUID
    scope: str
    slot: str
    amount: int
    cap: int
    home: int = 0
    offer: uuid.UUID | None = None

    @property
    def key(self) -> Key:
        return self.owner, self.scope, self.slot

    @property
    def taker(self) -> uuid.UUID:
        """The ID of the offer that takes it."""
        return self.offer or self.owner


@dataclass(frozen=True, slots=True)
class TakenLimit:
    """An amount that was taken from a shard of a limit, and is released to the same shard.

    Of a pool, ``shard`` is the unit that the redemption has.
    """

    owner: uuid.UUID
    scope: str
    slot: str
    shard: int
    amount: int
    offer: uuid.UUID | None = None
    redemption: uuid.UUID | None = None

    @property
    def taker(self) -> uuid.UUID:
        """The ID of the offer that took it."""
        return self.offer or self.owner


class LimitReached(Exception):
    """Raised when a limit has less left than requested. Carries the first such request."""

    def __init__(self, request: LimitRequest) -> None:
        super().__init__(f"{request.scope} of {request.owner}")
        self.request = request


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget of an offer: ``cap`` in minor units of ``currency``."""

    owner: uuid.UUID
    brand_id: uuid.UUID
    currency: str
    cap: int
