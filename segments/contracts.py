"""What others rely on: how audiences change, and what came of it."""

import enum
from dataclasses import dataclass
from datetime import datetime


class Operation(enum.StrEnum):
    """What is to be done with the customers that were sent."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


class Source(enum.StrEnum):
    """Who says who is in an audience."""

    IMPORTED = "sent"
    AUTOMATIC_SEGMENT_TYPES = "computed"


AUTOMATIC_SEGMENT_TYPES = {
    "purchased_more_than_twice": "Customers with three purchases or more",
    "purchase_above_100": "Customers with a purchase of more than 100 in the brand's currency",
    "new_users": "Customers whose first purchase is less than 30 days ago",
    "lapsed_users": "Customers whose last purchase is 90 days ago or longer",
}  # the segment types that a brand may have computed from purchases, in words; checkout does it


class UploadState(enum.StrEnum):
    """The life of a file that a brand's staff brought: looked at, on its way, done, or refused when its turn came."""

    PREVIEW = "preview"
    PENDING = "waiting"
    APPLIED = "applied"
    FAILED = "refused"


@dataclass(frozen=True, slots=True)
class AudienceUpdateResult:
    """What came of an update: how many ids were ``received`` (twice the same is two), how many customers came and went,
    how many there are now; ``stale`` when a newer version was there already and nothing was done.
    """

    received: int
    added: int
    removed: int
    size: int
    stale: bool = False


@dataclass(frozen=True, slots=True)
class AudienceReach:
    """How many customers an audience has, and how many of them could be put into a segment, as of an instant."""

    count: int
    with_free_slot: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class SlotUsage:
    """How full customers are, as of an instant: ``by_used[k]`` of them use ``k`` slots."""

    by_used: tuple[int, ...]
    as_of: datetime

    @property
    def customers(self) -> int:
        """How many there are."""
        return sum(self.by_used)

    def full(self, *, slots: int) -> int:
        """How many have no free slot, if a customer has ``slots`` in all."""
        return sum(self.by_used[slots:])
