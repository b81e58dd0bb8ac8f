"""Protocol of the four strategies that enforce the limit of a coupon."""

import uuid
from collections.abc import Sequence
from typing import Protocol


class LimitStrategy(Protocol):
    """Strategy that enforces the limit of a coupon under concurrent redemptions.

    At most ``cap`` redemptions are active at a time; *approximate* may exceed the cap by a stated bound. No request is
    rejected while units remain. Every method runs in the transaction of its caller.

    ``open`` prepares the limit of a new coupon. ``take`` takes up to one unit per ID and returns the taken units, in
    order. It returns fewer than requested if other transactions are taking the rest (retry in another transaction), and
    an empty list if none is left. It raises Busy if it can't decide now. ``release`` releases units, given as pairs of
    unit and redemption ID. ``resize`` changes the cap and returns False if more than that is taken.
    """

    def open(self, *, coupon: uuid.UUID, cap: int) -> None: ...

    def take(self, *, coupon: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]: ...

    def release(self, *, coupon: uuid.UUID, taken: Sequence[tuple[int, uuid.UUID]]) -> None: ...

    def resize(self, *, coupon: uuid.UUID, cap: int) -> bool: ...
