"""Values that every process reads from the database once in a while, so that requests need no statement for them."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog
from django.db import Error

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Snapshot(Generic[T]):
    """A value that is read again when it is too old, by one thread, while the others use that of before.

    The first read is waited for, as there is no value before it. ``name`` is that in the log.
    """

    def __init__(self, name: str, empty: T) -> None:
        self._name, self._value = name, empty
        self._read_at = float("-inf")
        self._is_new = True
        self._lock = threading.Lock()

    def get(self, read: Callable[[], T], *, seconds: float) -> T:
        """Return the value, read again if it is older than ``seconds``. The one of before is kept if that fails."""
        if time.monotonic() - self._read_at >= seconds and self._lock.acquire(blocking=self._is_new):
            try:
                if time.monotonic() - self._read_at >= seconds:  # nobody has read it meanwhile
                    self.set(read())
            except Error as error:  # the value of before is the best that there is
                log.warning("snapshot_unread", snapshot=self._name, error=str(error))
            finally:
                self._is_new = False  # also after a failure, as else all would wait for one another's
                self._lock.release()
        return self._value

    @property
    def value(self) -> T:
        """The value as it was read last, however old it is."""
        return self._value

    def set(self, value: T) -> None:
        """Set a value that was just read."""
        self._value, self._read_at, self._is_new = value, time.monotonic(), False
