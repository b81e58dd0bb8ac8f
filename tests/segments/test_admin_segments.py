"""Brands see their segments, how far each is, why it waits, and how full their customers are; of others, nothing."""

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


def shown(page: Any) -> dict[str, str]:
    return {name: value for name, value, _ in page.context["cards"]}


# --- segments --------------------------------------------------------------------------------------------------------
def test_a_brand_sees_its_own_segments_with_their_numbers(owner: Client, brand: Brand, settings: Any) -> None:
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
    assert shown(page) == {"Audience": "2", "In it": "1", "Passed over": "1"}


def test_before_it_starts_the_page_says_who_would_be_in_it_now(owner: Client, brand: Brand, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    audience(brand, "c1", "c2", "c3")
    audience(brand, "c1", segment_type="new_users")
    running(brand, segment_type="new_users")
    now = timezone.now()
    waiting = services.schedule(
        brand=brand, segment_type="vip_customers", start_date=now + DAY, end_date=now + 2 * DAY, at=now
    )

    page = owner.get(f"{BASE}{waiting.pk}/change/")

    assert shown(page) == {"Match now": "3", "Would be in it now": "2", "Would be passed over": "1"}
    assert page.context["moving"] is False


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"state": State.FILLING, "members_count": 300_000, "skipped": 50_000}, ("350,000 of 1,000,000", 35)),
        ({"state": State.SYNCING, "members_count": 0}, ("0 of 0 customers told", 100)),
        ({"state": State.RELEASING}, ("the slots are being freed", 100)),
    ],
)
def test_what_is_under_way_shows_how_far_it_is(owner: Client, brand: Brand, changes: Any, told: Any) -> None:
    audience(brand, "c1")
    segment = running(brand)
    Segment.objects.filter(pk=segment.pk).update(**{"audience_count": 1_000_000, **changes})

    page = owner.get(f"{BASE}{segment.pk}/change/")

    assert told[0] in page.context["told"]
    assert (page.context["percent"], page.context["moving"]) == (told[1], True)


def test_why_it_waits_is_said_and_it_is_told_again_by_a_click(owner: Client, brand: Brand, settings: Any) -> None:
    settings.SEGMENTATION_SERVICE_URL = "http://127.0.0.1:9"
    audience(brand, "c1")
    segment = running(brand)
    SyncJob.objects.update(failures=3, error="it answered 500", due_at=timezone.now() + DAY)
    OutboxMessage.objects.all().delete()

    page = owner.get(f"{BASE}{segment.pk}/change/")
    answer = owner.post(f"{BASE}{segment.pk}/tell/now/")

    assert "Waiting for the segmentation service: it answered 500." in page.content.decode()
    assert "after it failed 3 times" in page.context["wait"]
    assert answer.status_code == 302
    assert SyncJob.objects.get(service=Service.SEGMENTATION).due_at <= timezone.now()
    assert [it.kwargs for it in OutboxMessage.objects.filter(task="segments.sync_segment")] == [
        {"segment_id": str(segment.pk)}
    ]


def test_what_is_due_is_worked_on_by_a_click(owner: Client, brand: Brand) -> None:
    audience(brand, "c1")
    segment = running(brand)
    Segment.objects.filter(pk=segment.pk).update(state=State.FILLING)
    OutboxMessage.objects.all().delete()

    assert "Go on now" in owner.get(f"{BASE}{segment.pk}/change/").content.decode()
    owner.post(f"{BASE}{segment.pk}/work/now/")

    assert OutboxMessage.objects.get().task == "segments.process_queue"


def test_a_viewer_reads_and_a_stranger_does_not_even_that(brand: Brand, settings: Any) -> None:
    settings.SEGMENTATION_SERVICE_URL = "http://127.0.0.1:9"
    audience(brand, "c1")
    segment = running(brand)
    OutboxMessage.objects.all().delete()
    viewer = as_user(MembershipFactory(brand=brand, role=Role.VIEWER).user)
    stranger = as_user(MembershipFactory(brand=BrandFactory()).user)
    page = f"{BASE}{segment.pk}/"

    assert "Tell now" not in viewer.get(f"{page}change/").content.decode()
    assert [viewer.post(f"{page}{verb}/now/").status_code for verb in ("tell", "work")] == [403, 403]
    assert viewer.post(f"{page}change/").status_code == 403
    assert stranger.get(f"{page}change/").status_code in (302, 404)
    assert [stranger.post(f"{page}{verb}/now/").status_code for verb in ("tell", "work", "x")] == [404, 404, 404]
    assert not OutboxMessage.objects.exists()


def test_a_long_list_costs_as_many_queries_as_a_short_one(
    owner: Client, brand: Brand, django_assert_max_num_queries: Any
) -> None:
    audience(brand, "c1")
    for days in range(1, 16):
        running(brand, days=days)

    with django_assert_max_num_queries(9):
        assert owner.get(BASE).status_code == 200


def test_a_promotions_page_leads_to_its_segment(owner: Client, brand: Brand, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    audience(brand, "c1", "c2", "c3")
    audience(brand, "c1", segment_type="new_users")
    running(brand, segment_type="new_users")
    now = timezone.now()
    fields = {
        "name": "Autumn", "target_audience": "vip_customers", "trigger": "automatic",
        "offer": {"benefits": [{"kind": "percent", "value": "10"}]},
        "start_date": now + DAY, "end_date": now + 9 * DAY, "status": "scheduled",
    }  # fmt: skip
    promotion = promotions.create_promotion(brand=brand, fields=fields, code=None, at=now)
    page = f"/admin/promotions/promotion/{promotion.pk}/change/"

    before = owner.get(page)
    services.delete(which=Q(segment_type="new_users"), at=now)
    services.process_queue(at=now + DAY)
    after = owner.get(page)

    segment = Segment.objects.get(promotion_id=promotion.pk)
    assert f"{BASE}{segment.pk}/change/" in before.content.decode()
    assert shown(before) == {"Match now": "3", "With a free slot": "2"}
    assert shown(after) == {"In its segment": "3", "Passed over": "0"}
    assert "vip customers: 3 of 3" in owner.get("/admin/promotions/promotion/").content.decode()
    promotions.end_promotion(promotion=promotion, at=now + DAY)
    assert shown(owner.get(page)) == {"Were in its segment": "3", "Passed over": "0"}


# --- slots -----------------------------------------------------------------------------------------------------------
def test_slots_are_those_of_the_brands_own_customers_whoever_takes_them(
    owner: Client, brand: Brand, settings: Any
) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 2
    mine = audience(brand, "c1", "c2", "c3")
    other = BrandFactory(name="Their Brand")
    theirs = audience(other, "c1", "c2", "c9", segment_type="theirs_alone")
    running(other, segment_type="theirs_alone")
    running(other, segment_type="theirs_alone", days=8)

    page = owner.get(f"{BASE}slots/")

    assert shown(page) == {"Customers": "3", "With a free slot": "1", "Full": "2", "Slots used": "1.3"}
    assert page.context["chosen"] == mine
    assert [(used, many) for used, many, _ in page.context["rows"]] == [(0, "1"), (2, "2")]
    assert "3 customers; 1 use no slot, 2 have none free" in page.content.decode()
    assert not {"Their Brand", "theirs", "whole platform"} & set(page.content.decode().split())
    for asked in (str(theirs.pk), "all", "x", "9" * 30, "-1", "²"):
        assert owner.get(f"{BASE}slots/?audience={asked}").status_code == 404, asked


def test_a_large_audience_is_counted_in_the_background_and_then_again(
    owner: Client, brand: Brand, monkeypatch: pytest.MonkeyPatch, run_outbox: Callable[[], int]
) -> None:
    monkeypatch.setattr(selectors, "LARGE", 1)
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
    assert (shown(second)["Customers"], second.context["counting"]) == ("2", False)
    assert (shown(third)["Customers"], third.context["counting"]) == ("2", True)
    assert OutboxMessage.objects.filter(task="segments.count_slots").count() == 1


def test_platform_admins_see_all_customers_at_once(brand: Brand, run_outbox: Callable[[], int]) -> None:
    audience(brand, "c1", "c2", "c3")
    audience(brand, "c1", segment_type="new_users")
    running(brand, segment_type="new_users")
    root = as_user(UserFactory(is_superuser=True))

    root.get(f"{BASE}slots/")
    run_outbox()
    page = root.get(f"{BASE}slots/")

    assert [(used, many) for used, many, _ in page.context["rows"]] == [(0, "2"), (1, "1")]


def test_without_an_audience_there_is_nothing_to_see(owner: Client) -> None:
    assert "There is no audience yet." in owner.get(f"{BASE}slots/").content.decode()


def test_shoppers_see_no_slots() -> None:
    assert as_user(UserFactory()).get(f"{BASE}slots/").status_code in (302, 403)
