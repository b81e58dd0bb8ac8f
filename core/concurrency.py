"""Limits on the concurrency of expensive operations such as password hashing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext_lazy as _

from core.errors import Unavailable

OVERLOADED = _("Too many requests for this operation at the moment. Try again later.")


class ConcurrencyLimiter:
    """A limit per process: up to ``max_concurrent`` threads run an operation and up to ``max_waiting`` wait for it."""

    def __init__(self, *, max_concurrent: int, max_waiting: int) -> None:
        self._slots = threading.BoundedSemaphore(max_concurrent)
        self._queue_slots = threading.BoundedSemaphore(max_concurrent + max_waiting)

    @contextmanager
    def acquire(self, *, timeout: float) -> Iterator[None]:
        """Hold a slot within the context, after waiting up to ``timeout`` seconds.

        Raises Unavailable on a timeout, and at once if too many threads are waiting.
        """
        if not self._queue_slots.acquire(blocking=False):
            raise Unavailable(OVERLOADED)
        try:
            if not self._slots.acquire(timeout=timeout):
                raise Unavailable(OVERLOADED)
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._queue_slots.release()
