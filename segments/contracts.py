"""Values that other apps rely on: operations on audiences, their results, and slot usage."""

import enum
from dataclasses import dataclass
from datetime import datetime


class Operation(enum.StrEnum):
    """How an update changes the customers of an audience."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


class Source(enum.StrEnum):
    """Where the customers of an audience come from."""

    IMPORTED = "sent"  # the data platform and uploaded files
    AUTOMATIC = "computed"  # purchases


AUTOMATIC_SEGMENT_TYPES = ("purchased_more_than_twice", "purchase_above_100", "new_users", "lapsed_users")
"""Segment types that can be automatic; the app ``checkout`` selects their customers."""


class UploadState(enum.StrEnum):
    """State of an uploaded file."""

    PREVIEW = "preview"
    PENDING = "waiting"
    APPLIED = "applied"
    FAILED = "refused"


@dataclass(frozen=True, slots=True)
class AudienceUpdateResult:
    """Result of an update of an audience.

    ``received`` counts IDs, duplicates included. ``added`` and ``removed`` count customers, and ``size`` is the size
    afterwards. ``stale`` is set if the stored version is newer; the update has then changed nothing.
    """

    received: int
    added: int
    removed: int
    size: int
    stale: bool = False


@dataclass(frozen=True, slots=True)
class AudienceReach:
    """Size of an audience, and the number of its customers with a free slot, at a point in time."""

    count: int
    with_free_slot: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class SlotUsage:
    """Distribution of used slots at a point in time: ``by_used[k]`` customers use ``k`` slots."""

    by_used: tuple[int, ...]
    as_of: datetime

    @property
    def customers(self) -> int:
        """The number of customers."""
        return sum(self.by_used)

    def count_full(self, *, slots: int) -> int:
        """Return the number of customers without a free slot, given ``slots`` slots for each customer."""
        return sum(self.by_used[slots:])
