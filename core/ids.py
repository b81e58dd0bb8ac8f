"""Time-ordered identifiers (RFC 9562, UUID version 7)."""

import os
import time
import uuid
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND, MICROSECOND = timedelta(milliseconds=1), timedelta(microseconds=1)


def uuid7(at: datetime | None = None) -> uuid.UUID:
    """A new UUID version 7, of now or of an instant; sorts by its time of birth.

    48 bits of Unix milliseconds, 12 of 1/4096 of a millisecond (RFC 9562, section 6.2, method 3, as PostgreSQL's own
    ``uuidv7``), 62 random bits.
    """
    since = time.time_ns() if at is None else (at - EPOCH) // MICROSECOND * 1000
    milliseconds, rest = divmod(since, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") >> 2
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | random)


def min_uuid7_at(at: datetime) -> uuid.UUID:
    """The smallest UUID version 7 of an instant's millisecond: ids born in a later one are greater."""
    return uuid.UUID(int=max(0, (at - EPOCH) // MILLISECOND) << 80 | 7 << 76 | 2 << 62)


def uuid7_datetime(key: uuid.UUID) -> datetime:
    """The instant of a UUID version 7, to the millisecond."""
    return EPOCH + (key.int >> 80) * MILLISECOND
