"""Delays between attempts."""

from datetime import timedelta

MAX_DOUBLINGS = 16


def exponential_delay(attempts: int, *, first: float, maximum: float) -> timedelta:
    """Return the delay after a number of attempts: ``first`` seconds, doubled with each, up to ``maximum`` seconds."""
    return timedelta(seconds=min(maximum, first * 2 ** min(MAX_DOUBLINGS, max(0, attempts - 1))))
