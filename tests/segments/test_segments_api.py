"""Services of the platform ask for segments, look at them and take them back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand
from segments.models import CustomerSlots, Segment
from segments.services import apply_audience, process_queue
from tests.factories import ApiKeyFactory, BrandFactory

pytestmark = pytest.mark.django_db
PATH = "/api/internal/v1/sync-segment/"
ASKED = {"merchant_id": "billo", "segment_type": "vip", "start_date": "2098-01-01", "end_date": "2098-02-01"}


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory(slug="billo", timezone="Europe/Madrid")
    apply_audience(brand=made, segment_type="vip", operation="add", customer_ids=["c1", "c2", "c3"])
    return made


@pytest.fixture
def engine() -> Client:
    """The campaign engine."""
    return Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(internal=True).text}"})


def ask(client: Client, body: Any = None, **headers: str) -> Any:
    return client.post(PATH, ASKED if body is None else body, content_type="application/json", headers=headers)


def look(client: Client, segment_id: str) -> Any:
    return client.get(f"/api/internal/v1/segments/{segment_id}/")


def test_a_segment_is_asked_for_and_waits_for_its_start(brand: Brand, engine: Client) -> None:
    response = ask(engine)

    segment = Segment.objects.get()
    told = {"segment_id": str(segment.pk), "status": "scheduled", "audience_count": 3}
    assert (response.status_code, response.json()) == (202, told)
    assert segment.start_date == datetime(2097, 12, 31, 23, tzinfo=UTC)  # the brand's own midnight
    assert not CustomerSlots.objects.exists()


def test_one_that_starts_now_is_active_at_once(brand: Brand, engine: Client) -> None:
    response = ask(engine, ASKED | {"start_date": "2020-01-01T00:00:00Z"})

    assert (response.status_code, response.json()["status"]) == (202, "active")
    seen = look(engine, response.json()["segment_id"])
    assert seen.status_code == 200
    told = seen.json()
    assert told.pop("filled_at") == told.pop("synced_at")
    assert told == {
        "segment_id": response.json()["segment_id"], "merchant_id": "billo", "segment_type": "vip", "promotion": None,
        "status": "active", "start_date": "2020-01-01T00:00:00Z", "expires_at": "2098-01-31T23:00:00Z",
        "audience_count": 3, "members": 3, "skipped_no_slot": 0, "waiting_for": None,
    }  # fmt: skip


def test_the_same_request_again_answers_the_same_segment(brand: Brand, engine: Client) -> None:
    promoted = ASKED | {"promotion": "0196a1b2-0000-7000-8000-000000000001"}
    first, again = (ask(engine, promoted).json() for _ in range(2))
    other = ask(engine, promoted | {"end_date": "2098-03-01"})

    assert first == again
    assert (other.status_code, other.json()["code"]) == (409, "segment_already_exists")
    assert Segment.objects.count() == 1
    assert str(Segment.objects.get().promotion_id) == promoted["promotion"]


def test_the_same_key_answers_the_same_bytes(brand: Brand, engine: Client) -> None:
    first, again = (ask(engine, **{"Idempotency-Key": "one"}) for _ in range(2))

    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"


def test_an_audience_with_nobody_is_refused(brand: Brand, engine: Client) -> None:
    response = ask(engine, ASKED | {"segment_type": "never"})

    assert (response.status_code, response.json()["code"]) == (409, "audience_empty")
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"end_date": "2097-01-01"}, "end_date"), ({"end_date": "2098-01-01"}, "end_date"),
        ({"start_date": "2019-01-01", "end_date": "2020-01-01"}, "end_date"), ({"end_date": None}, "end_date"),
        ({"start_date": "soon"}, "start_date"), ({"start_date": "2098-01-01T00:00:00"}, "start_date"),
        ({"start_date": 7}, "start_date"), ({"segment_type": ""}, "segment_type"),
        ({"segment_type": 7}, "segment_type"),
        ({"segment_type": "x" * 101}, "segment_type"), ({"merchant_id": []}, "merchant_id"),
        ({"promotion": "sale"}, "promotion"), ({"promotion": 7}, "promotion"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_field(brand: Brand, engine: Client, changes: Any, field: str) -> None:
    response = ask(engine, ASKED | changes)

    assert response.status_code == 400
    assert {fault["field"] for fault in response.json()["errors"]} == {field}
    assert not Segment.objects.exists()


def test_an_unknown_merchant_is_not_there(brand: Brand, engine: Client) -> None:
    assert ask(engine, ASKED | {"merchant_id": "nosuch"}).status_code == 404


def test_a_segment_is_deleted_once_and_for_all(brand: Brand, engine: Client) -> None:
    path = f"/api/internal/v1/segments/{ask(engine, ASKED | {'start_date': '2020-01-01'}).json()['segment_id']}/"
    assert set(CustomerSlots.objects.values_list("used", flat=True)) == {1}

    assert [engine.delete(path).status_code for _ in range(2)] == [204, 204]

    assert engine.get(path).json()["status"] == "deleted"
    assert set(CustomerSlots.objects.values_list("used", flat=True)) == {0}
    assert look(engine, "0196a1b2-0000-7000-8000-000000000001").status_code == 404


def test_it_expires(brand: Brand, engine: Client) -> None:
    segment_id = ask(engine, ASKED | {"start_date": "2020-01-01"}).json()["segment_id"]

    process_queue(at=datetime(2098, 2, 1, tzinfo=UTC))

    assert look(engine, segment_id).json()["status"] == "expired"


def test_an_audience_is_looked_at_with_who_has_a_free_slot(brand: Brand, engine: Client, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    apply_audience(brand=brand, segment_type="new", operation="add", customer_ids=["c1"])
    ask(engine, ASKED | {"segment_type": "new", "start_date": "2020-01-01"})

    told = engine.get("/api/internal/v1/audiences/billo/vip/").json()

    assert (told["size"], told["with_free_slot"], told["version"]) == (3, 2, None)
    assert timezone.now() - datetime.fromisoformat(told["as_of"]) < timedelta(minutes=1)
    assert engine.get("/api/internal/v1/audiences/billo/never/").status_code == 404
    assert engine.get("/api/internal/v1/audiences/billo/%00/").status_code == 404
