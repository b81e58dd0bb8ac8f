"""Writers and readers of events are killed at random: each reader gets every committed event once, in commit order.

``EVENTS=1000000 EVENT_LIFE=40 make faults ARGS=tests/faults/test_event_faults.py`` writes more events.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Brand
from accounts.services import issue_key
from redemptions.events.models import Event
from redemptions.results.models import OfferTotal, RejectionBucket
from redemptions.results.services import rollup
from tests.factories import BrandFactory, PromotionFactory
from tests.faults.event_storm import deliver_page
from tests.platform import ROOT, database_url, wait_until
from tests.redemptions.events import wait_for_horizon

pytestmark = [pytest.mark.fault, pytest.mark.timeout(3_600), pytest.mark.django_db(transaction=True)]
EVENTS = int(os.environ.get("EVENTS", "40000"))
WRITERS, READERS = 8, 2
LIFETIME_SECONDS = (1.0, float(os.environ.get("EVENT_LIFE", "6")))  # from the first statement until a process is killed


class Processes:
    """Processes that are killed and started again. ``kills`` counts the kills by role."""

    def __init__(self, brand: Brand, offer: uuid.UUID) -> None:
        writer = ["write", str(brand.pk), str(offer)]
        self.commands = [*[writer] * WRITERS, *[["roll"]] * READERS, *[["deliver"]] * READERS]
        self.kills = dict.fromkeys(["write", "roll", "deliver"], 0)
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url(),
        }  # fmt: skip
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._keep_killing, args=[command]) for command in self.commands]

    def __enter__(self) -> "Processes":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _keep_killing(self, command: list[str]) -> None:
        while not self._stopped.is_set():
            full = [sys.executable, "-m", "tests.faults.event_storm", *command]
            with subprocess.Popen(full, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                process.stdout.readline()
                self._stopped.wait(random.uniform(*LIFETIME_SECONDS))
                if process.poll() is None:
                    self.kills[command[0]] += 1
                process.send_signal(signal.SIGKILL)


class CursorClient(threading.Thread):
    """A client of the cursor API, which keeps the cursor of each answer."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.client = APIClient(headers={"Authorization": f"Api-Key {key}"})
        self.ids: list[str] = []
        self.cursor, self.error, self.is_stopping = "", "", False

    def run(self) -> None:
        """Read until ``stop`` is called, and then to the end."""
        try:
            while self.read_page() or not self.is_stopping:
                pass
        finally:
            connection.close()

    def read_page(self) -> bool:
        """Read a page. Return whether there may be more to read now."""
        parameters: dict[str, Any] = {"limit": 200} | ({"after": self.cursor} if self.cursor else {})
        response = self.client.get("/api/v1/events/", parameters)
        if response.status_code != 200:
            self.error = str(response.data)
            return False
        self.ids += [str(event["id"]) for event in response.data["results"]]
        is_moved = self.cursor != response.data["cursor"]
        self.cursor = response.data["cursor"]
        return is_moved

    def stop(self) -> None:
        """Let it read to the end."""
        self.is_stopping = True
        self.join()
        assert self.error == ""


@pytest.fixture
def deliveries() -> Iterator[None]:
    """The table of what the webhook reader delivered; ``position`` is the order of delivery."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE event_trial_delivery (position bigserial PRIMARY KEY, id uuid NOT NULL, tx bigint NOT NULL)"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE event_trial_delivery")


def query(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def sums(offer: uuid.UUID) -> tuple[int, ...]:
    """Return the same from the sums that the roll-up keeps."""
    total = OfferTotal.objects.get(offer_id=offer, currency="EUR")
    rejected = RejectionBucket.objects.filter(offer_id=offer).aggregate(total=Sum("rejected"))["total"]
    return total.confirmed, total.returned, total.discount, total.returned_discount, rejected


def scan(offer: uuid.UUID) -> tuple[int, ...]:
    """Return confirmed and returned events of an offer, their amounts, and refused attempts, from a scan."""
    (row,) = query(
        """
        SELECT count(*) FILTER (WHERE type = 'redemption.confirmed'), count(*) FILTER (WHERE type = 'redemption.returned'),
            sum(amount) FILTER (WHERE type = 'redemption.confirmed'), sum(amount) FILTER (WHERE type = 'redemption.returned'),
            count(*) FILTER (WHERE type = 'redemption.rejected')
        FROM redemptions_event WHERE offer_id = %s
        """,  # noqa: E501
        offer,
    )
    return row


@pytest.mark.usefixtures("deliveries")
def test_killed_writers_and_readers_lose_and_repeat_no_event(settings: Any) -> None:
    settings.THROTTLES = settings.THROTTLES | {"api": "1000000/minute", "report": "1000000/minute"}
    brand = BrandFactory()
    offer = PromotionFactory(brand=brand).pk
    client = CursorClient(issue_key(brand=brand, name="trial", at=timezone.now()).text)

    # given writers and readers that are killed every few seconds
    began = time.monotonic()
    with Processes(brand, offer) as processes:
        client.start()
        wait_until(lambda: Event.objects.count() >= EVENTS, "the events are written", seconds=3_000)
    seconds = time.monotonic() - began

    # when nobody writes any more, and all have read to the end
    wait_for_horizon()
    client.stop()
    rollup.roll_up(budget=600)
    while deliver_page():
        pass

    # then the client of the API has each committed event once, in commit order
    committed = query("SELECT id::text, tx FROM redemptions_event ORDER BY tx, id")
    print(f"\n{len(committed)} events in {seconds:.0f} s, processes killed: {processes.kills}")
    assert min(processes.kills.values()) > 0
    assert client.ids == [key for key, _ in committed]

    # and so has the reader that was killed
    assert query("SELECT id::text, tx FROM event_trial_delivery ORDER BY position") == committed

    # and the sums of the roll-up are those of a scan
    assert scan(offer) == sums(offer)
    assert list(rollup.check(at=timezone.now(), repair=False)) == []
    call_command("check_consistency")
