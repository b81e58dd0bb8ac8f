"""Unknown codes in requests, which are limited as guesses."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from accounts.contracts import BRAND_GUESSES
from accounts.services import note_guesses
from core import throttle
from core.errors import Throttled
from redemptions.errors import CodeNotFound

ALARMING = ("key_code_miss", BRAND_GUESSES)


@contextmanager
def count_guesses(callers: Mapping[str, str], count: int = 1) -> Iterator[throttle.Guesses]:
    """Count the codes of a request as guesses (``throttle.count_guesses``); CodeNotFound is one that failed.

    A brand whose API keys exceed a limit is noted for an alarm.
    """
    try:
        with throttle.count_guesses(callers, count) as guesses:
            try:
                yield guesses
            except CodeNotFound:
                guesses.failed = 1
                raise
    except Throttled as error:
        if error.scope in ALARMING and BRAND_GUESSES in callers:
            note_guesses(brand_id=uuid.UUID(callers[BRAND_GUESSES]))
        raise
