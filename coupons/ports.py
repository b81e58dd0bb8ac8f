"""The port that the four ways of keeping a maximum stand behind."""

import uuid
from collections.abc import Sequence
from typing import Protocol


class LimitStrategy(Protocol):
    """Keeps the maximum of a coupon while many take at once.

    Never more than ``cap`` stand at a time, except with *approximate*, whose bound is stated; and while units are left
    nobody is told that there are none. Each verb runs inside its caller's transaction.

    ``open`` makes room for a new coupon. ``take`` takes up to one unit for each of the ids and answers those it got, in
    order: fewer than asked when others are at the rest (ask again in another transaction), none when none is left; it
    raises Busy when that cannot be told at the moment. ``give_back`` undoes takings, named by unit and id. ``resize``
    sets another cap, False where more is taken already.
    """

    def open(self, *, coupon: uuid.UUID, cap: int) -> None: ...

    def take(self, *, coupon: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]: ...

    def release(self, *, coupon: uuid.UUID, taken: Sequence[tuple[int, uuid.UUID]]) -> None: ...

    def resize(self, *, coupon: uuid.UUID, cap: int) -> bool: ...
