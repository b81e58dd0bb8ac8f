"""Life cycle of segments: they take slots of customers at their start and release them at their end."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Q
from django.utils import timezone

from accounts.models import Brand
from core import redis
from core.errors import InvalidRequest, NotFound
from core.models import OutboxMessage
from integrations.contracts import RunClock
from segments import consistency, selectors, services
from segments.contracts import AudienceReach
from segments.errors import AudienceEmpty, SegmentAlreadyExists
from segments.models import CustomerSlots, Segment, SegmentMember, State
from segments.services import customer_ranges, lifecycle
from tests.factories import BrandFactory, PromotionFactory

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(slug="billo")


def audience(brand: Brand, *names: str, segment_type: str = "vip") -> None:
    services.apply_audience(brand=brand, segment_type=segment_type, operation="add", customer_ids=names)


def scheduled(brand: Brand, at: datetime, *, start: timedelta = DAY, **more: Any) -> Segment:
    fields: dict[str, Any] = {"segment_type": "vip", "start_date": at + start, "end_date": at + 7 * DAY} | more
    return services.schedule(brand=brand, at=at, **fields)


def members(segment: Segment) -> set[str]:
    return set(SegmentMember.objects.filter(segment=segment).values_list("customer__customer_id", flat=True))


def used() -> dict[str, int]:
    rows = CustomerSlots.objects.filter(used__gt=0).values_list("customer__customer_id", "used")
    return dict(rows)


# --- scheduling ------------------------------------------------------------------------------------------------------
def test_a_segment_takes_no_slots_before_its_start(brand: Brand, at: datetime) -> None:
    audience(brand, "c1", "c2")

    segment = scheduled(brand, at)
    services.process_queue(at=at + DAY - timedelta(seconds=1))

    segment.refresh_from_db()
    assert (segment.status, segment.audience_count, segment.members_count) == ("scheduled", 2, 0)
    assert used() == {}


def test_a_segment_contains_the_audience_at_its_start(brand: Brand, at: datetime) -> None:
    audience(brand, "c1", "c2")
    segment = scheduled(brand, at)
    services.apply_audience(brand=brand, segment_type="vip", operation="replace", customer_ids=["c2", "c3", "c4"])

    services.process_queue(at=at + DAY)

    segment.refresh_from_db()
    assert (segment.status, segment.audience_count, segment.members_count, segment.skipped_count) == ("active", 3, 3, 0)
    assert members(segment) == {"c2", "c3", "c4"}
    assert used() == {"c2": 1, "c3": 1, "c4": 1}


def test_a_small_segment_that_starts_now_is_filled_at_once(brand: Brand, at: datetime) -> None:
    audience(brand, "c1", "c2")

    segment = scheduled(brand, at, start=timedelta(0))

    assert segment.status == "active"
    assert members(segment) == {"c1", "c2"}


def test_a_large_segment_is_filled_by_the_queue(brand: Brand, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "INLINE_MAX_CUSTOMERS", 1)
    audience(brand, "c1", "c2")

    segment = scheduled(brand, at, start=timedelta(0))

    assert (segment.status, used()) == ("scheduled", {})
    assert OutboxMessage.objects.get().task == "segments.process_queue"


def test_an_empty_audience_is_rejected(brand: Brand, at: datetime) -> None:
    audience(BrandFactory(), "c1")

    with pytest.raises(AudienceEmpty):
        scheduled(brand, at)

    assert not Segment.objects.exists()


def test_an_audience_without_free_slots_is_accepted(brand: Brand, at: datetime, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    audience(brand, "c1")
    scheduled(brand, at, start=timedelta(0))

    segment = scheduled(brand, at, end_date=at + 8 * DAY)

    assert segment.status == "scheduled"


@pytest.mark.parametrize(("start", "end"), [(DAY, DAY), (2 * DAY, DAY), (-2 * DAY, -DAY), (-DAY, timedelta(0))])
def test_invalid_dates_are_rejected(brand: Brand, at: datetime, start: timedelta, end: timedelta) -> None:
    audience(brand, "c1")

    with pytest.raises(InvalidRequest) as raised:
        scheduled(brand, at, start=start, end_date=at + end)

    assert [error["field"] for error in raised.value.errors or []] == ["end_date"]
    assert not Segment.objects.exists()


def test_a_repeated_request_returns_the_same_segment(brand: Brand, at: datetime) -> None:
    audience(brand, "c1")
    first = scheduled(brand, at)
    services.apply_audience(brand=brand, segment_type="vip", operation="replace", customer_ids=[])

    again = scheduled(brand, at)

    assert again.pk == first.pk
    assert Segment.objects.count() == 1


def test_a_promotion_has_one_segment(brand: Brand, at: datetime) -> None:
    audience(brand, "c1")
    key = PromotionFactory(brand=brand).pk
    first = scheduled(brand, at, promotion_id=key)

    assert scheduled(brand, at, promotion_id=key).pk == first.pk
    with pytest.raises(SegmentAlreadyExists):
        scheduled(brand, at, promotion_id=key, end_date=at + 8 * DAY)
    assert Segment.objects.count() == 1


# --- slots -----------------------------------------------------------------------------------------------------------
def test_customers_without_a_free_slot_are_skipped(brand: Brand, at: datetime, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 2
    audience(brand, "c1", "c2")
    audience(brand, "c2", "c3", segment_type="new")
    for days in (7, 8):
        scheduled(brand, at, start=timedelta(0), end_date=at + days * DAY)

    segment = scheduled(brand, at, start=timedelta(0), segment_type="new")

    assert (segment.status, segment.members_count, segment.skipped_count, segment.slot_limit) == ("active", 1, 1, 2)
    assert members(segment) == {"c3"}
    assert used() == {"c1": 2, "c2": 2, "c3": 1}


def test_a_segment_without_free_slots_is_empty(brand: Brand, at: datetime, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    audience(brand, "c1", "c2")
    scheduled(brand, at, start=timedelta(0))

    segment = scheduled(brand, at, start=timedelta(0), end_date=at + 8 * DAY)

    assert (segment.status, segment.audience_count, segment.skipped_count) == ("empty", 2, 2)
    assert used() == {"c1": 1, "c2": 1}


def test_a_lower_slot_limit_keeps_running_segments(brand: Brand, at: datetime, settings: Any) -> None:
    audience(brand, "c1")
    running = [scheduled(brand, at, start=timedelta(0), end_date=at + days * DAY) for days in (5, 6, 7)]
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1

    late = scheduled(brand, at, start=timedelta(0), end_date=at + 8 * DAY)
    services.process_queue(at=at + DAY)

    assert late.status == "empty"
    assert {Segment.objects.get(pk=segment.pk).status for segment in running} == {"active"}
    assert used() == {"c1": 3}
    services.process_queue(at=at + 9 * DAY)
    assert used() == {}


def test_earlier_starts_are_filled_first_and_then_older_segments(brand: Brand, at: datetime, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 2
    audience(brand, "c1")
    late, early, older, newer = (
        scheduled(brand, at, start=hours * timedelta(hours=1), end_date=at + days * DAY)
        for hours, days in ((3, 4), (1, 5), (2, 6), (2, 7))
    )

    services.process_queue(at=at + DAY)

    statuses = [Segment.objects.get(pk=segment.pk).status for segment in (early, older, newer, late)]
    assert statuses == ["active", "active", "empty", "empty"]


@pytest.mark.parametrize("first", ["many", "one"])
def test_brands_with_the_same_start_take_turns(brand: Brand, at: datetime, settings: Any, first: str) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 2
    other = BrandFactory(slug="cake")
    for owner in (brand, other):
        audience(owner, "c1", "c2")
    schedule = {"many": lambda: [scheduled(brand, at, end_date=at + days * DAY) for days in (4, 5, 6)]}
    schedule["one"] = lambda: [scheduled(other, at)]
    segments = {name: schedule[name]() for name in sorted(schedule, reverse=first == "one")}

    services.process_queue(at=at + DAY)

    statuses = {
        name: [Segment.objects.get(pk=segment.pk).status for segment in group] for name, group in segments.items()
    }
    assert statuses == {"many": ["active", "empty", "empty"], "one": ["active"]}


def test_a_deleted_segment_does_not_count_as_a_turn(brand: Brand, at: datetime, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    other = BrandFactory(slug="cake")
    for owner in (brand, other):
        audience(owner, "c1")
    deleted, own = (scheduled(brand, at, end_date=at + days * DAY) for days in (4, 5))
    theirs = scheduled(other, at)

    services.delete(which=Q(pk=deleted.pk), at=at)
    services.process_queue(at=at + DAY)

    assert [Segment.objects.get(pk=segment.pk).status for segment in (own, theirs)] == ["active", "empty"]


def test_a_start_in_the_past_does_not_jump_the_queue(brand: Brand, at: datetime, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    audience(brand, "c1")
    waiting = scheduled(brand, at, start=timedelta(minutes=1))
    later = at + timedelta(minutes=2)

    backdated = scheduled(brand, later, start=-30 * DAY)
    services.process_queue(at=later)

    assert Segment.objects.get(pk=waiting.pk).status == "active"
    assert Segment.objects.get(pk=backdated.pk).status == "empty"


def test_slots_of_an_ended_segment_are_free_for_one_that_starts_then(brand: Brand, at: datetime, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    audience(brand, "c1", "c2")
    old = scheduled(brand, at, start=timedelta(0), end_date=at + DAY)
    new = scheduled(brand, at, start=DAY)

    at_once = scheduled(brand, at + DAY, start=timedelta(0), end_date=at + 9 * DAY)
    services.process_queue(at=at + DAY)

    assert Segment.objects.get(pk=old.pk).status == "expired"
    assert Segment.objects.get(pk=new.pk).status == "active"
    assert Segment.objects.get(pk=at_once.pk).status == "empty"
    assert members(new) == {"c1", "c2"}


def test_a_slot_released_later_is_for_later_segments(brand: Brand, at: datetime, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    audience(brand, "c1")
    audience(brand, "c1", "c2", segment_type="new")
    first = scheduled(brand, at, start=timedelta(0))
    second = scheduled(brand, at, start=timedelta(0), segment_type="new")

    services.delete(which=Q(pk=first.pk), at=at)
    services.process_queue(at=at + DAY)

    assert members(second) == {"c2"}
    assert used() == {"c2": 1}


# --- the end ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("small", [True, False])
def test_a_deleted_segment_has_no_members_and_releases_all_slots(
    brand: Brand, at: datetime, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    audience(brand, "c1", "c2")
    segment = scheduled(brand, at, start=timedelta(0))
    monkeypatch.setattr(lifecycle, "INLINE_MAX_CUSTOMERS", 10 if small else 0)

    for _ in range(2):
        services.delete(which=Q(pk=segment.pk), at=at)
    segment.refresh_from_db()
    assert (segment.status, segment.state) == ("deleted", State.DELETED if small else State.RELEASING)

    services.process_queue(at=at)
    segment.refresh_from_db()
    assert (segment.status, segment.state) == ("deleted", State.DELETED)
    assert (members(segment), used()) == (set(), {})
    assert (segment.audience_count, segment.members_count) == (2, 2)  # as of its start


def test_a_scheduled_segment_can_be_deleted(brand: Brand, at: datetime) -> None:
    audience(brand, "c1")
    segment = scheduled(brand, at)

    services.delete(which=Q(pk=segment.pk), at=at)
    services.process_queue(at=at + DAY)

    segment.refresh_from_db()
    assert (segment.status, used()) == ("deleted", {})
    assert scheduled(brand, at).pk != segment.pk


def test_the_queue_catches_up_after_days(brand: Brand, at: datetime) -> None:
    audience(brand, "c1")
    ended = scheduled(brand, at, end_date=at + 2 * DAY)
    running = scheduled(brand, at, end_date=at + 9 * DAY)

    services.process_queue(at=at + 3 * DAY)

    assert [Segment.objects.get(pk=segment.pk).status for segment in (ended, running)] == ["expired", "active"]
    assert used() == {"c1": 1}


def test_another_worker_continues_a_filling_after_a_crash(
    brand: Brand, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_ranges, "RANGE_SIZE", 3)
    names = [f"c{number}" for number in range(20)]
    audience(brand, *names)
    segment = scheduled(brand, at)
    steps = Counter[str]()

    while lifecycle.process_next_range(at=at + DAY):  # each call is a worker that processes one range
        segment.refresh_from_db()
        steps[segment.status] += 1
        assert len(members(segment)) == segment.members_count == sum(used().values())

    assert segment.status == "active"
    assert members(segment) == set(names)
    assert steps["scheduled"] > 5


def test_a_segment_deleted_during_filling_releases_its_slots(
    brand: Brand, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_ranges, "RANGE_SIZE", 3)
    audience(brand, *(f"c{number}" for number in range(20)))
    segment = scheduled(brand, at)
    for _ in range(3):
        lifecycle.process_next_range(at=at + DAY)
    assert 0 < sum(used().values()) < 20

    services.delete(which=Q(pk=segment.pk), at=at + DAY)
    services.process_queue(at=at + DAY)

    assert Segment.objects.get(pk=segment.pk).status == "deleted"
    assert (members(segment), used()) == (set(), {})


def test_long_processing_continues_in_further_tasks(
    brand: Brand, at: datetime, monkeypatch: pytest.MonkeyPatch, run_outbox: Callable[[], int]
) -> None:
    monkeypatch.setattr(customer_ranges, "RANGE_SIZE", 3)
    audience(brand, *(f"c{number}" for number in range(20)))
    segment = scheduled(brand, at)

    services.process_queue(at=at + DAY, budget=0)
    assert OutboxMessage.objects.filter(task="segments.process_queue").count() == 1
    assert Segment.objects.get(pk=segment.pk).members_count < 20

    while OutboxMessage.objects.exists():
        OutboxMessage.objects.all().delete()
        services.process_queue(at=at + DAY, budget=0)
    assert len(members(segment)) == 20


def test_filled_at_is_the_end_of_the_filling(brand: Brand, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    audience(brand, "c1", "c2")
    segment = scheduled(brand, at)
    monkeypatch.setattr(RunClock, "now", lambda self: at + DAY + timedelta(seconds=40))

    services.process_queue(at=at + DAY)

    assert Segment.objects.get(pk=segment.pk).filled_at == at + DAY + timedelta(seconds=40)


# --- consistency -----------------------------------------------------------------------------------------------------
def test_the_consistency_check_repairs_slots_and_members(brand: Brand, at: datetime) -> None:
    audience(brand, "c1", "c2", "c3")
    running = scheduled(brand, at, start=timedelta(0))
    deleted = scheduled(brand, at, start=timedelta(0), end_date=at + 8 * DAY)
    assert list(consistency.check(at=at, repair=False)) == []
    services.delete(which=Q(pk=deleted.pk), at=at)
    first_member = SegmentMember.objects.filter(segment=running).order_by("customer_id").first()
    assert first_member is not None
    SegmentMember.objects.create(segment=deleted, customer_id=first_member.customer_id)
    CustomerSlots.objects.filter(customer_id=first_member.customer_id).update(used=7)
    CustomerSlots.objects.filter(customer__customer_id="c2").delete()
    Segment.objects.filter(pk=running.pk).update(members_count=9)

    lines = [re.sub(r"[0-9a-f-]{36}", "…", line) for line in consistency.check(at=at, repair=False)]
    assert lines == [
        f"customer {first_member.customer_id}: 7 slots stored, 2 counted",
        f"customer {first_member.customer_id + 1}: 0 slots stored, 1 counted",
        "segment …: 9 members stored, 3 counted",
        "segment …: 1 members although deleted",
    ]

    assert len(list(consistency.check(at=at, repair=True))) == 4
    services.process_queue(at=at)
    assert list(consistency.check(at=at, repair=False)) == []
    assert used() == {"c1": 1, "c2": 1, "c3": 1}


# --- reach -----------------------------------------------------------------------------------------------------------
def test_the_reach_counts_customers_with_a_free_slot(brand: Brand, at: datetime, settings: Any) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    audience(brand, "c1", "c2", "c3")
    audience(brand, "c1", segment_type="new")
    scheduled(brand, at, start=timedelta(0), segment_type="new")

    reach = services.get_reach(brand_id=brand.pk, segment_types=["vip", "new", "never"], at=at)

    assert {name: (row.count, row.with_free_slot) for name, row in reach.items()} == {
        "vip": (3, 2), "new": (1, 0), "never": (0, 0),
    }  # fmt: skip


def test_the_reach_of_a_large_audience_is_counted_again_in_the_background(
    brand: Brand, at: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch, run_outbox: Callable[[], int]
) -> None:
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 1
    monkeypatch.setattr(selectors, "LARGE_AUDIENCE", 1)
    audience(brand, "c1", segment_type="new")
    scheduled(brand, at, start=timedelta(0), segment_type="new")
    audience(brand, "c1", "c2")

    def reach_after(minutes: int) -> AudienceReach:
        now = at + timedelta(minutes=minutes)
        return services.get_reach(brand_id=brand.pk, segment_types=["vip"], at=now)["vip"]

    assert reach_after(0) == AudienceReach(2, 1, at)
    audience(brand, "c3")
    assert reach_after(4) == AudienceReach(2, 1, at)
    OutboxMessage.objects.all().delete()
    redis.client().flushdb()
    assert reach_after(0) == AudienceReach(3, 2, at)  # nothing is cached, so it is counted now

    CustomerSlots.objects.update(used=0)
    assert reach_after(5) == AudienceReach(3, 2, at)
    assert not OutboxMessage.objects.exists()
    assert reach_after(6) == reach_after(7) == AudienceReach(3, 2, at)  # the request does not wait
    assert OutboxMessage.objects.count() == 1
    run_outbox()
    assert (reach_after(8).count, reach_after(8).with_free_slot) == (3, 3)


def test_a_large_audience_is_counted_after_an_import(
    brand: Brand, at: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch, run_outbox: Callable[[], int]
) -> None:
    monkeypatch.setattr(selectors, "LARGE_AUDIENCE", 1)
    audience(brand, "c1")
    assert not OutboxMessage.objects.exists()
    audience(brand, "c1", "c2")
    audience(brand, "c1", "c2")
    assert OutboxMessage.objects.count() == 1

    run_outbox()
    monkeypatch.setattr(selectors, "count_slots", None)  # no request counts

    assert services.get_reach(brand_id=brand.pk, segment_types=["vip"], at=timezone.now())["vip"].count == 2


def test_an_unknown_segment_is_not_found() -> None:
    with pytest.raises(NotFound):
        selectors.get_segment(pk=PromotionFactory(end_date=datetime(2031, 1, 1, tzinfo=UTC)).pk)
