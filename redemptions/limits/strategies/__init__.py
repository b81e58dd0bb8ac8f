"""The four strategies that count a total limit under concurrent redemptions (``docs/algorithms/limit-strategies.md``).

They take up to a number of units of one limit, for requests that share a transaction. ``redemptions.limits.services``
takes limits of several offers, all or none.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import Protocol

from redemptions.limits.models import Strategy
from redemptions.limits.strategies.approximate import Approximate
from redemptions.limits.strategies.exact import Exact
from redemptions.limits.strategies.pool import Pool
from redemptions.limits.strategies.sharded import Sharded


class LimitStrategy(Protocol):
    """Strategy that counts the total limit of an offer under concurrent redemptions.

    At most ``cap`` redemptions are active at a time; *approximate* may exceed the cap by a stated bound. No request is
    rejected while units remain. Every method runs in the transaction of its caller.

    ``open`` prepares the limit of an offer, of which ``used`` units are taken already. ``late_unit`` is the unit that
    redemptions from before have then; with None, each has one of its own, counted from 1. ``take`` takes up to one unit
    per ID and returns the taken units, in order. It returns fewer than requested if other transactions are taking the
    rest (retry in another transaction), and an empty list if none is left. It raises Busy if it can't decide now.
    ``release`` releases units, given as pairs of unit and redemption ID. ``resize`` changes the cap; ``count`` returns
    how many units redemptions have. If that is more, nothing is given until enough was released. ``close`` removes the
    limit.
    """

    @property
    def late_unit(self) -> int | None: ...

    def open(self, *, owner: uuid.UUID, cap: int, used: int = 0) -> None: ...

    def take(self, *, owner: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]: ...

    def release(self, *, owner: uuid.UUID, taken: Sequence[tuple[int, uuid.UUID]]) -> None: ...

    def resize(self, *, owner: uuid.UUID, cap: int, count: Callable[[], int]) -> None: ...

    def close(self, *, owner: uuid.UUID) -> None: ...


STRATEGIES: dict[str, LimitStrategy] = {
    Strategy.EXACT: Exact(), Strategy.SHARDED: Sharded(), Strategy.POOL: Pool(), Strategy.APPROXIMATE: Approximate(),
}  # fmt: skip
