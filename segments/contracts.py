"""What others rely on: how audiences change, and what came of it."""

import enum
from dataclasses import dataclass


class Operation(enum.StrEnum):
    """What is to be done with the customers that were sent."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


class Source(enum.StrEnum):
    """Who says who is in an audience."""

    SENT = "sent"
    COMPUTED = "computed"


class UploadState(enum.StrEnum):
    """The life of a file that a brand's staff brought: looked at, on its way, done, or refused when its turn came."""

    PREVIEW = "preview"
    WAITING = "waiting"
    APPLIED = "applied"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of an update: how many ids were ``received`` (twice the same is two), how many customers came and went,
    how many there are now; ``stale`` when a newer version was there already and nothing was done.
    """

    received: int
    added: int
    removed: int
    size: int
    stale: bool = False
