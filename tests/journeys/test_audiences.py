"""An audience file, the price for its members, and the end of the promotion, with web, worker and beat processes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from segments.models import CustomerSlots, Segment, SegmentMember
from tests.factories import ApiKeyFactory, BrandFactory
from tests.journeys.test_quickstart import read_json
from tests.platform import Platform, platform, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
CUSTOMERS = 200_000
SOON = timedelta(seconds=10)
LINE = {"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "50.00"}


@pytest.fixture
def running() -> Iterator[Platform]:
    """Web, worker and beat processes, with the operator's own schedules that run tasks every second."""
    every_second = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    for task in ("segments.process_queue", "promotions.start_due"):
        PeriodicTask.objects.create(name=f"{task} every second", task=task, interval=every_second)
    with platform() as parts:
        parts.start("worker", "beat", "web")
        yield parts


def test_an_audience_file_leads_to_a_price_and_ending_frees_the_slots(running: Platform) -> None:
    # given a brand with a server, and an audience file of the data platform
    brand = BrandFactory(slug="billo")
    server, data_platform = f"Api-Key {ApiKeyFactory(brand=brand).text}", f"Api-Key {ApiKeyFactory(internal=True).text}"
    lines = "\n".join(f"c{number}" for number in range(CUSTOMERS)).encode()
    path = "/api/internal/v1/audiences/billo/vip/?operation=replace"
    response = running.post(path, lines, data_platform, **{"Content-Type": "text/csv"})
    assert read_json(response)["size"] == CUSTOMERS

    # when a promotion for this audience is scheduled to start soon
    starts = timezone.now() + SOON
    new = {
        "name": "VIP", "target_audience": "vip", "trigger": "automatic", "start_date": starts.isoformat(),
        "end_date": datetime(2099, 1, 1, tzinfo=UTC).isoformat(), "status": "scheduled",
        "offer": {"benefits": [{"kind": "percent", "value": "10"}]},
    }  # fmt: skip
    promotion = read_json(running.post("/api/v1/promotions/", new, server), 201)
    page = f"/api/v1/promotions/{promotion['id']}/"
    assert (promotion["status"], promotion["segment"]["status"]) == ("scheduled", "scheduled")
    assert (promotion["audience"]["count"], promotion["audience"]["with_free_slot"]) == (CUSTOMERS, CUSTOMERS)
    assert (price(running, server, "c7"), CustomerSlots.objects.count()) == ("50.00", 0)

    # then it starts automatically, and only members get the offer
    wait_until(
        lambda: read_json(running.get(page, server))["segment"]["status"] == "active",
        f"the segment of the promotion is filled\n{running.log('worker')}",
        180,
    )
    assert timezone.now() >= starts
    started = read_json(running.get(page, server))
    segment = started["segment"]
    assert (started["status"], segment["member_count"], segment["skipped_no_slot"]) == ("active", CUSTOMERS, 0)
    assert [price(running, server, customer) for customer in ("c7", f"c{CUSTOMERS - 1}", "stranger")] == [
        "45.00",
        "45.00",
        "50.00",
    ]

    # and after it is ended, nobody gets the offer, and every slot is free
    read_json(running.post(f"{page}end/", None, server))
    assert price(running, server, "c7") == "50.00"
    wait_until(
        lambda: Segment.objects.get().state == "deleted", f"the segment is released\n{running.log('worker')}", 120
    )
    assert not SegmentMember.objects.exists()
    assert not CustomerSlots.objects.exclude(used=0).exists()


def price(running: Platform, server: str, customer: str) -> Any:
    """Return the total of a quote for the customer."""
    cart = {"currency": "EUR", "lines": [LINE], "customer_id": customer}
    return read_json(running.post("/api/v1/checkout/quote/", cart, server))["total"]
