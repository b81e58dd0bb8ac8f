"""Internal API of segments: create, read and delete."""

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
PAYLOAD = {"merchant_id": "billo", "segment_type": "vip", "start_date": "2098-01-01", "end_date": "2098-02-01"}


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo", timezone="Europe/Madrid")
    apply_audience(brand=brand, segment_type="vip", operation="add", customer_ids=["c1", "c2", "c3"])
    return brand


@pytest.fixture
def engine() -> Client:
    """Client of the campaign engine."""
    return Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(internal=True).text}"})


def create_segment(client: Client, body: Any = None, **headers: str) -> Any:
    return client.post(PATH, PAYLOAD if body is None else body, content_type="application/json", headers=headers)


def read_segment(client: Client, segment_id: str) -> Any:
    return client.get(f"/api/internal/v1/segments/{segment_id}/")


def test_a_segment_is_scheduled_until_its_start(brand: Brand, engine: Client) -> None:
    response = create_segment(engine)

    segment = Segment.objects.get()
    expected = {"segment_id": str(segment.pk), "status": "scheduled", "audience_count": 3}
    assert (response.status_code, response.json()) == (202, expected)
    assert segment.start_date == datetime(2097, 12, 31, 23, tzinfo=UTC)  # midnight in the time zone of the brand
    assert not CustomerSlots.objects.exists()


def test_a_segment_that_starts_now_is_active_at_once(brand: Brand, engine: Client) -> None:
    response = create_segment(engine, PAYLOAD | {"start_date": "2020-01-01T00:00:00Z"})

    assert (response.status_code, response.json()["status"]) == (202, "active")
    read = read_segment(engine, response.json()["segment_id"])
    assert read.status_code == 200
    segment = read.json()
    assert segment.pop("filled_at") == segment.pop("synced_at")
    assert segment == {
        "segment_id": response.json()["segment_id"], "merchant_id": "billo", "segment_type": "vip", "promotion": None,
        "status": "active", "start_date": "2020-01-01T00:00:00Z", "expires_at": "2098-02-01T23:00:00Z",
        "audience_count": 3, "member_count": 3, "skipped_no_slot": 0, "status_reason": None,
    }  # fmt: skip


def test_a_repeated_request_returns_the_same_segment(brand: Brand, engine: Client) -> None:
    payload = PAYLOAD | {"promotion": "0196a1b2-0000-7000-8000-000000000001"}
    first, again = (create_segment(engine, payload).json() for _ in range(2))
    other = create_segment(engine, payload | {"end_date": "2098-03-01"})

    assert first == again
    assert (other.status_code, other.json()["code"]) == (409, "segment_already_exists")
    assert Segment.objects.count() == 1
    assert str(Segment.objects.get().promotion_id) == payload["promotion"]


def test_a_repeated_idempotency_key_returns_the_same_bytes(brand: Brand, engine: Client) -> None:
    first, again = (create_segment(engine, **{"Idempotency-Key": "one"}) for _ in range(2))

    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"


def test_an_empty_audience_is_rejected(brand: Brand, engine: Client) -> None:
    response = create_segment(engine, PAYLOAD | {"segment_type": "never"})

    assert (response.status_code, response.json()["code"]) == (409, "audience_empty")
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"end_date": "2097-01-01"}, "end_date"), ({"end_date": "2097-12-31"}, "end_date"),
        ({"start_date": "2019-01-01", "end_date": "2020-01-01"}, "end_date"), ({"end_date": None}, "end_date"),
        ({"start_date": "soon"}, "start_date"), ({"start_date": "2098-01-01T00:00:00"}, "start_date"),
        ({"start_date": 7}, "start_date"), ({"segment_type": ""}, "segment_type"),
        ({"segment_type": 7}, "segment_type"),
        ({"segment_type": "x" * 101}, "segment_type"), ({"merchant_id": []}, "merchant_id"),
        ({"promotion": "sale"}, "promotion"), ({"promotion": 7}, "promotion"),
    ],
)  # fmt: skip
def test_invalid_values_are_reported_at_their_fields(brand: Brand, engine: Client, changes: Any, field: str) -> None:
    response = create_segment(engine, PAYLOAD | changes)

    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == {field}
    assert not Segment.objects.exists()


def test_an_unknown_merchant_is_not_found(brand: Brand, engine: Client) -> None:
    assert create_segment(engine, PAYLOAD | {"merchant_id": "nosuch"}).status_code == 404


def test_a_deleted_segment_releases_its_slots_and_stays_deleted(brand: Brand, engine: Client) -> None:
    segment_id = create_segment(engine, PAYLOAD | {"start_date": "2020-01-01"}).json()["segment_id"]
    path = f"/api/internal/v1/segments/{segment_id}/"
    assert set(CustomerSlots.objects.values_list("used", flat=True)) == {1}

    assert [engine.delete(path).status_code for _ in range(2)] == [204, 204]

    assert engine.get(path).json()["status"] == "deleted"
    assert set(CustomerSlots.objects.values_list("used", flat=True)) == {0}
    assert read_segment(engine, "0196a1b2-0000-7000-8000-000000000001").status_code == 404


def test_a_segment_expires_at_its_end(brand: Brand, engine: Client) -> None:
    segment_id = create_segment(engine, PAYLOAD | {"start_date": "2020-01-01"}).json()["segment_id"]

    process_queue(at=datetime(2098, 2, 1, 23, tzinfo=UTC))

    assert read_segment(engine, segment_id).json()["status"] == "expired"


def test_an_audience_shows_how_many_customers_have_a_free_slot(brand: Brand, engine: Client, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    apply_audience(brand=brand, segment_type="new", operation="add", customer_ids=["c1"])
    create_segment(engine, PAYLOAD | {"segment_type": "new", "start_date": "2020-01-01"})

    audience = engine.get("/api/internal/v1/audiences/billo/vip/").json()

    assert (audience["size"], audience["with_free_slot"], audience["version"]) == (3, 2, None)
    assert timezone.now() - datetime.fromisoformat(audience["as_of"]) < timedelta(minutes=1)
    assert engine.get("/api/internal/v1/audiences/billo/never/").status_code == 404
    assert engine.get("/api/internal/v1/audiences/billo/%00/").status_code == 404
