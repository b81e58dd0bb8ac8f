"""From the data platform's file to the shopper's price and back, with real processes: web, worker and beat."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from segments.models import CustomerSlots, Segment, SegmentMember
from tests.factories import ApiKeyFactory, BrandFactory
from tests.journeys.test_quickstart import good
from tests.platform import Platform, platform, until

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
CUSTOMERS = 200_000
SOON = timedelta(seconds=10)
LINE = {"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "50.00"}


@pytest.fixture
def running() -> Iterator[Platform]:
    """Web, worker and beat, with schedules of the operator's own that do every second what is done every minute."""
    every_second = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    for task in ("segments.work", "promotions.start_due"):
        PeriodicTask.objects.create(name=f"{task} at once", task=task, interval=every_second)
    with platform() as parts:
        parts.start("worker", "beat", "web")
        yield parts


def test_from_the_data_platforms_file_to_the_shoppers_price_and_back(running: Platform) -> None:
    # given a brand with a server, and a data platform that sends an audience as a file
    brand = BrandFactory(slug="billo")
    server, data_platform = f"Api-Key {ApiKeyFactory(brand=brand).text}", f"Api-Key {ApiKeyFactory(internal=True).text}"
    lines = "\n".join(f"c{number}" for number in range(CUSTOMERS)).encode()
    path = "/api/internal/v1/audiences/billo/vip/?operation=replace"
    sent = running.post(path, lines, data_platform, **{"Content-Type": "text/csv"})
    assert good(sent)["size"] == CUSTOMERS

    # when a promotion for it is to start soon
    starts = timezone.now() + SOON
    new = {
        "name": "VIP", "target_audience": "vip", "trigger": "automatic", "start_date": starts.isoformat(),
        "end_date": datetime(2099, 1, 1, tzinfo=UTC).isoformat(), "status": "scheduled",
        "offer": {"benefits": [{"kind": "percent", "value": "10"}]},
    }  # fmt: skip
    made = good(running.post("/api/v1/promotions/", new, server), 201)
    page = f"/api/v1/promotions/{made['id']}/"
    assert (made["status"], made["segment"]["status"]) == ("scheduled", "scheduled")
    assert (made["audience"]["count"], made["audience"]["with_free_slot"]) == (CUSTOMERS, CUSTOMERS)
    assert (price(running, server, "c7"), CustomerSlots.objects.count()) == ("50.00", 0)

    # then it starts by itself, and members, and only members, get the offer
    until(lambda: good(running.get(page, server))["status"] == "active", f"it starts\n{running.log('worker')}", 180)
    assert timezone.now() >= starts
    told = good(running.get(page, server))["segment"]
    assert (told["status"], told["members"], told["skipped_no_slot"]) == ("active", CUSTOMERS, 0)
    assert [price(running, server, who) for who in ("c7", f"c{CUSTOMERS - 1}", "stranger")] == [
        "45.00",
        "45.00",
        "50.00",
    ]

    # and once it is switched off, nobody does, and every slot is free
    good(running.post(f"{page}deactivate/", None, server))
    assert price(running, server, "c7") == "50.00"
    until(lambda: Segment.objects.get().state == "deleted", f"it is released\n{running.log('worker')}", 120)
    assert not SegmentMember.objects.exists()
    assert not CustomerSlots.objects.exclude(used=0).exists()


def price(running: Platform, server: str, customer: str) -> Any:
    """What the customer would pay."""
    cart = {"currency": "EUR", "lines": [LINE], "customer_id": customer}
    return good(running.post("/api/v1/checkout/quote/", cart, server))["total"]
