"""Admin pages of segments and slot usage: metrics, progress, actions and permissions."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from core.models import OutboxMessage
from integrations.contracts import Service
from integrations.models import SyncJob
from promotions import services as promotions
from redemptions.lifecycle import Action
from segments import selectors, services
from segments.models import Audience, Segment, State
from segments.services import slot_usage
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory, UserFactory

pytestmark = pytest.mark.django_db
BASE = "/admin/segments/segment/"
DAY = timedelta(days=1)


def as_user(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")


@pytest.fixture
def owner(brand: Brand) -> Client:
    return as_user(MembershipFactory(brand=brand).user)


def audience(brand: Brand, *names: str, segment_type: str = "vip_customers") -> Audience:
    services.apply_audience(brand=brand, segment_type=segment_type, operation="add", customer_ids=names)
    return Audience.objects.get(brand=brand, segment_type=segment_type)


def running(brand: Brand, *, segment_type: str = "vip_customers", days: int = 7, **more: Any) -> Segment:
    now: datetime = timezone.now()
    return services.schedule(
        brand=brand, segment_type=segment_type, start_date=now - DAY, end_date=now + days * DAY, at=now, **more
    )


def cards(page: Any) -> dict[str, str]:
    return {label: value for label, value, _ in page.context["cards"]}


# --- segments --------------------------------------------------------------------------------------------------------
def test_a_brand_sees_only_its_own_segments_with_metrics(owner: Client, brand: Brand, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    audience(brand, "c1", "c2")
    audience(brand, "c2", "c3", segment_type="new_users")
    other = BrandFactory()
    audience(other, "c9", segment_type="theirs_alone")
    running(other, segment_type="theirs_alone")
    promotion = PromotionFactory(brand=brand)
    running(brand, promotion_id=promotion.pk)
    second = running(brand, segment_type="new_users")

    listed = owner.get(BASE).content.decode()
    page = owner.get(f"{BASE}{second.pk}/change/")

    assert "vip customers" in listed
    assert "new users" in listed
    assert f"/admin/promotions/promotion/{promotion.pk}/change/" in listed
    assert "theirs" not in listed
    assert cards(page) == {"Audience": "2", "Members": "1", "Skipped": "1"}


def test_a_scheduled_segment_shows_its_reach_today(owner: Client, brand: Brand, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    audience(brand, "c1", "c2", "c3")
    audience(brand, "c1", segment_type="new_users")
    running(brand, segment_type="new_users")
    now = timezone.now()
    waiting = services.schedule(
        brand=brand, segment_type="vip_customers", start_date=now + DAY, end_date=now + 2 * DAY, at=now
    )

    page = owner.get(f"{BASE}{waiting.pk}/change/")

    assert cards(page) == {"Audience size today": "3", "Reachable today": "2", "Would be skipped": "1"}
    assert page.context["moving"] is False


@pytest.mark.parametrize(
    ("changes", "progress"),
    [
        ({"state": State.FILLING, "members_count": 300_000, "skipped_count": 50_000}, ("350,000 of 1,000,000", 35)),
        ({"state": State.SYNCING, "members_count": 0}, ("0 of 0 customers synced", 100)),
        ({"state": State.RELEASING}, ("Releasing slots", 100)),
    ],
)
def test_a_segment_in_progress_shows_its_progress(owner: Client, brand: Brand, changes: Any, progress: Any) -> None:
    audience(brand, "c1")
    segment = running(brand)
    Segment.objects.filter(pk=segment.pk).update(**{"audience_count": 1_000_000, **changes})

    page = owner.get(f"{BASE}{segment.pk}/change/")

    text, percent = progress
    assert text in page.context["progress_text"]
    assert (page.context["percent"], page.context["moving"]) == (percent, True)


def test_a_waiting_segment_shows_the_reason_and_can_be_synced_now(owner: Client, brand: Brand, settings: Any) -> None:
    settings.SEGMENTATION_SERVICE_URL = "http://127.0.0.1:9"
    audience(brand, "c1")
    segment = running(brand)
    SyncJob.objects.update(failures=3, error="it answered 500", due_at=timezone.now() + DAY)
    OutboxMessage.objects.all().delete()

    page = owner.get(f"{BASE}{segment.pk}/change/")
    answer = owner.post(f"{BASE}{segment.pk}/sync/now/")

    assert "Waiting for the segmentation service: it answered 500." in page.content.decode()
    assert "after 3 failed attempts" in page.context["status_reason"]
    assert answer.status_code == 302
    assert SyncJob.objects.get(service=Service.SEGMENTATION).due_at <= timezone.now()
    assert [message.kwargs for message in OutboxMessage.objects.filter(task="segments.sync_segment")] == [
        {"segment_id": str(segment.pk)}
    ]


def test_a_due_segment_can_be_processed_now(owner: Client, brand: Brand) -> None:
    audience(brand, "c1")
    segment = running(brand)
    Segment.objects.filter(pk=segment.pk).update(state=State.FILLING)
    OutboxMessage.objects.all().delete()

    assert "Process now" in owner.get(f"{BASE}{segment.pk}/change/").content.decode()
    owner.post(f"{BASE}{segment.pk}/process/now/")

    assert OutboxMessage.objects.get().task == "segments.process_queue"


def test_viewers_only_read_and_other_staff_see_nothing(brand: Brand, settings: Any) -> None:
    settings.SEGMENTATION_SERVICE_URL = "http://127.0.0.1:9"
    audience(brand, "c1")
    segment = running(brand)
    OutboxMessage.objects.all().delete()
    viewer = as_user(MembershipFactory(brand=brand, role=Role.VIEWER).user)
    stranger = as_user(MembershipFactory(brand=BrandFactory()).user)
    page = f"{BASE}{segment.pk}/"

    assert "Sync now" not in viewer.get(f"{page}change/").content.decode()
    assert [viewer.post(f"{page}{action}/now/").status_code for action in ("sync", "process")] == [403, 403]
    assert viewer.post(f"{page}change/").status_code == 403
    assert stranger.get(f"{page}change/").status_code in (302, 404)
    assert [stranger.post(f"{page}{action}/now/").status_code for action in ("sync", "process", "x")] == [404, 404, 404]
    assert not OutboxMessage.objects.exists()


def test_the_list_takes_a_constant_number_of_queries(
    owner: Client, brand: Brand, django_assert_max_num_queries: Any
) -> None:
    audience(brand, "c1")
    for days in range(1, 16):
        running(brand, days=days)

    with django_assert_max_num_queries(9):
        assert owner.get(BASE).status_code == 200


def test_a_promotion_shows_and_links_its_segment(owner: Client, brand: Brand, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    audience(brand, "c1", "c2", "c3")
    audience(brand, "c1", segment_type="new_users")
    running(brand, segment_type="new_users")
    now = timezone.now()
    fields = {
        "name": "Autumn", "target_audience": "vip_customers", "trigger": "automatic",
        "offer": {"benefits": [{"kind": "percent", "value": "10"}]},
        "start_date": now + DAY, "end_date": now + 9 * DAY,
    }  # fmt: skip
    promotion = promotions.create_promotion(brand=brand, fields=fields, code=None, at=now)
    page = f"/admin/promotions/promotion/{promotion.pk}/change/"

    before = owner.get(page)
    services.delete(which=Q(segment_type="new_users"), at=now)
    services.process_queue(at=now + DAY)
    after = owner.get(page)

    segment = Segment.objects.get(promotion_id=promotion.pk)
    assert f"{BASE}{segment.pk}/change/" in before.content.decode()
    assert cards(before) == {"Audience size today": "3", "Reachable today": "2"}
    assert cards(after) == {"Audience size": "3", "Skipped": "0"}
    assert "vip customers: 3 of 3" in owner.get("/admin/promotions/promotion/").content.decode()
    promotions.change_decision(promotion=promotion, action=Action.END, at=now + DAY)
    assert cards(owner.get(page)) == {"Audience size": "3", "Skipped": "0"}


# --- slots -----------------------------------------------------------------------------------------------------------
def test_slot_usage_covers_own_customers_and_slots_of_all_brands(owner: Client, brand: Brand, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 2
    own = audience(brand, "c1", "c2", "c3")
    other = BrandFactory(name="Their Brand")
    theirs = audience(other, "c1", "c2", "c9", segment_type="theirs_alone")
    running(other, segment_type="theirs_alone")
    running(other, segment_type="theirs_alone", days=8)

    page = owner.get(f"{BASE}slots/")

    assert cards(page) == {"Customers": "3", "Reachable": "1", "Full": "2", "Slots used": "1.3"}
    assert page.context["selected"] == own
    assert [(used, count) for used, count, _ in page.context["rows"]] == [(0, "1"), (2, "2")]
    assert "3 customers; 1 use no slots, 2 are full" in page.content.decode()
    assert not {"Their", "theirs", "theirs_alone"} & set(page.content.decode().split())
    assert "All brands" not in page.content.decode()
    for value in (str(theirs.pk), "all", "x", "9" * 30, "-1", "²"):
        assert owner.get(f"{BASE}slots/?audience={value}").status_code == 404, value


def test_a_large_audience_is_counted_in_the_background(
    owner: Client, brand: Brand, monkeypatch: pytest.MonkeyPatch, run_outbox: Callable[[], int]
) -> None:
    monkeypatch.setattr(selectors, "LARGE_AUDIENCE", 1)
    audience(brand, "c1", "c2")

    first = owner.get(f"{BASE}slots/").context
    assert owner.get(f"{BASE}slots/").context["counting"]
    assert OutboxMessage.objects.filter(task="segments.count_slots").count() == 1
    run_outbox()
    second = owner.get(f"{BASE}slots/")
    monkeypatch.setattr(slot_usage, "MAX_AGE", timedelta(0))
    cache.delete(f"segments:counting:{Audience.objects.get().pk}")
    third = owner.get(f"{BASE}slots/")

    assert "cards" not in first
    assert (cards(second)["Customers"], second.context["counting"]) == ("2", False)
    assert (cards(third)["Customers"], third.context["counting"]) == ("2", True)
    assert OutboxMessage.objects.filter(task="segments.count_slots").count() == 1


def test_platform_admins_see_the_slot_usage_of_all_customers(brand: Brand, run_outbox: Callable[[], int]) -> None:
    audience(brand, "c1", "c2", "c3")
    audience(brand, "c1", segment_type="new_users")
    running(brand, segment_type="new_users")
    root = as_user(UserFactory(is_superuser=True))

    root.get(f"{BASE}slots/")
    run_outbox()
    page = root.get(f"{BASE}slots/")

    assert [(used, count) for used, count, _ in page.context["rows"]] == [(0, "2"), (1, "1")]


def test_slot_usage_without_audiences_is_empty(owner: Client) -> None:
    assert "No audiences yet." in owner.get(f"{BASE}slots/").content.decode()


def test_shoppers_have_no_access_to_slot_usage() -> None:
    assert as_user(UserFactory()).get(f"{BASE}slots/").status_code in (302, 403)
