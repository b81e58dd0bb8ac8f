"""Dear work within bounds, so that a crowd that asks for it leaves room for everybody else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import Unavailable


class ConcurrencyLimiter:
    """Where in this process no more than ``inside`` threads work at once and ``waiting`` wait; others are refused."""

    def __init__(self, *, max_concurrent: int, max_waiting: int) -> None:
        self._slots = threading.BoundedSemaphore(max_concurrent)
        self._queue_slots = threading.BoundedSemaphore(max_concurrent + max_waiting)

    @contextmanager
    def acquire(self, *, timeout: float) -> Iterator[None]:
        """Work in it, after a wait of up to ``patience`` seconds. Raises Unavailable, at once when too many wait."""
        if not self._queue_slots.acquire(blocking=False):
            raise Unavailable("Too many ask for this at this moment; try again.")
        try:
            if not self._slots.acquire(timeout=timeout):
                raise Unavailable("Too many ask for this at this moment; try again.")
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._queue_slots.release()
