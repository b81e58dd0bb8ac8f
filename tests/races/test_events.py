"""Many writers of events at once: a reader gets each committed event once, in the order of the transactions."""

import random
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, transaction

from redemptions.events import selectors
from redemptions.events.contracts import EventType, NewEvent, Position
from redemptions.events.models import Event
from redemptions.events.services import append_events
from tests.factories import BrandFactory
from tests.redemptions.events import EVERYTHING, read_all, wait_for_horizon

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
WRITERS, TRANSACTIONS = 8, 25


def write(brand: uuid.UUID, seed: int, at: datetime) -> None:
    """Append events in transactions that take different times, some of which are rolled back."""
    chance = random.Random(seed)
    for number in range(TRANSACTIONS):
        with transaction.atomic():
            for part in range(chance.randint(1, 4)):
                append_events([NewEvent(EventType.OFFER_CREATED, at, brand, order=f"{seed}.{number}.{part}")])
                time.sleep(chance.choice([0, 0, 0.001, 0.02]))
            if chance.random() < 0.2:
                transaction.set_rollback(True)


class Reader(threading.Thread):
    """A thread that reads with a function until it is stopped, and once more after that."""

    def __init__(self, read: Callable[[], None]) -> None:
        super().__init__()
        self._read, self._stopped = read, threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        """Read."""
        try:
            while not self._stopped.is_set():
                self._read()
                time.sleep(0.005)
            wait_for_horizon()
            self._read()
        except Exception as error:  # noqa: BLE001  (the test raises it)
            self.error = error
        finally:
            connection.close()

    def stop(self) -> None:
        """Let it read a last time, and raise its error."""
        self._stopped.set()
        self.join()
        if self.error is not None:
            raise self.error


def read_while_writing(run_concurrently: RunConcurrently, at: datetime, read: Callable[[], None]) -> set[uuid.UUID]:
    """Read in a thread while many others write. Return the IDs of the events that were committed."""
    brand = BrandFactory()
    reader = Reader(read)
    reader.start()
    run_concurrently(lambda seed: write(brand.pk, seed, at), range(WRITERS))
    reader.stop()
    return set(Event.objects.values_list("id", flat=True))


def test_a_position_misses_no_event(run_concurrently: RunConcurrently, at: datetime) -> None:
    read: list[tuple[int, uuid.UUID]] = []
    position = Position()

    def read_by_position() -> None:
        nonlocal position
        page = selectors.read_events(wanted=EVERYTHING, after=position, limit=10)
        read.extend((row["tx"], row["id"]) for row in page.events)
        position = page.position

    committed = read_while_writing(run_concurrently, at, read_by_position)

    read += [(row["tx"], row["id"]) for row in read_all(after=position)]
    assert len(committed) > WRITERS * TRANSACTIONS
    assert read == sorted(read)
    assert len(read) == len(set(read))
    assert {key for _, key in read} == committed


def test_the_last_id_misses_events(run_concurrently: RunConcurrently, at: datetime) -> None:
    """Prove that the test above can fail: ask for IDs after the last one."""
    read: list[uuid.UUID] = []

    def read_by_last_id() -> None:
        last = read[-1] if read else uuid.UUID(int=0)
        read.extend(Event.objects.filter(id__gt=last).order_by("id").values_list("id", flat=True))

    committed = read_while_writing(run_concurrently, at, read_by_last_id)

    assert set(read) < committed
