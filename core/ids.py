"""Time-ordered identifiers (RFC 9562, UUID version 7)."""

import os
import time
import uuid
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND, MICROSECOND = timedelta(milliseconds=1), timedelta(microseconds=1)


def uuid7(at: datetime | None = None) -> uuid.UUID:
    """Return a new UUID version 7 for now or for a datetime; UUIDs sort by time of creation.

    48 bits of Unix milliseconds, 12 of 1/4096 of a millisecond (RFC 9562, section 6.2, method 3, as PostgreSQL's own
    ``uuidv7``), 62 random bits.
    """
    nanoseconds = time.time_ns() if at is None else (at - EPOCH) // MICROSECOND * 1000
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") >> 2
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | random)


def min_uuid7_at(at: datetime) -> uuid.UUID:
    """Return the smallest UUID version 7 of a datetime's millisecond; IDs of later milliseconds are greater."""
    return uuid.UUID(int=max(0, (at - EPOCH) // MILLISECOND) << 80 | 7 << 76 | 2 << 62)


def uuid7_datetime(key: uuid.UUID) -> datetime:
    """Return the datetime of a UUID version 7, with the precision of a millisecond."""
    return EPOCH + (key.int >> 80) * MILLISECOND


def parse_uuid(text: str) -> uuid.UUID | None:
    """Return the UUID that a text is in its usual form with hyphens, in any case, or None."""
    try:
        value = uuid.UUID(text)
    except ValueError:
        return None
    return value if str(value) == text.lower() else None
