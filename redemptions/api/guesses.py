"""Unknown codes in requests, which are limited as guesses."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from core import throttle
from redemptions.errors import CodeNotFound


@contextmanager
def count_guesses(callers: Mapping[str, str], count: int = 1) -> Iterator[throttle.Guesses]:
    """Count the codes of a request as guesses (``throttle.count_guesses``); CodeNotFound is one that failed."""
    with throttle.count_guesses(callers, count) as guesses:
        try:
            yield guesses
        except CodeNotFound:
            guesses.failed = 1
            raise
