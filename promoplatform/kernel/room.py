"""Dear work within bounds, so that a crowd that asks for it leaves room for everybody else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from promoplatform.kernel.errors import Unavailable


class Room:
    """Where in this process no more than ``inside`` threads work at once and ``waiting`` wait; others are refused."""

    def __init__(self, *, inside: int, waiting: int) -> None:
        self._inside = threading.BoundedSemaphore(inside)
        self._door = threading.BoundedSemaphore(inside + waiting)

    @contextmanager
    def entered(self, *, patience: float) -> Iterator[None]:
        """Work in it, after a wait of up to ``patience`` seconds. Raises Unavailable, at once when too many wait."""
        if not self._door.acquire(blocking=False):
            raise Unavailable("Too many ask for this at this moment; try again.")
        try:
            if not self._inside.acquire(timeout=patience):
                raise Unavailable("Too many ask for this at this moment; try again.")
            try:
                yield
            finally:
                self._inside.release()
        finally:
            self._door.release()
