"""Time-ordered identifiers (RFC 9562, UUID version 7)."""

import os
import time
import uuid
from datetime import UTC, datetime, timedelta

EPOCH, MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


def uuid7(at: datetime | None = None) -> uuid.UUID:
    """A new UUID version 7, of now or of an instant: 48 bits of Unix milliseconds, 74 random bits; sorts by its time of
    birth.
    """
    milliseconds = time.time_ns() // 1_000_000 if at is None else (at - EPOCH) // MILLISECOND
    value = milliseconds << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return uuid.UUID(int=value)


def floor(at: datetime) -> uuid.UUID:
    """The smallest UUID version 7 of an instant: ids born later are greater."""
    return uuid.UUID(int=((at - EPOCH) // MILLISECOND) << 80 | 7 << 76 | 2 << 62)


def born(key: uuid.UUID) -> datetime:
    """The instant of a UUID version 7, to the millisecond."""
    return EPOCH + (key.int >> 80) * MILLISECOND
