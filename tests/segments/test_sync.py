"""The segmentation service knows each segment as we do, in the end, whatever goes wrong on the way."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from core.models import OutboxMessage
from integrations.contracts import RunClock, Service
from integrations.models import SyncJob
from integrations.selectors import list_pending_syncs
from integrations.services import sync_jobs
from segments.adapters import segmentation
from segments.adapters.http import HttpSegmentation
from segments.models import Segment, SegmentMember, State
from segments.services import sync
from tests.factories import BrandFactory, CustomerFactory
from tests.fakes.external_services import KEY, Outside

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
MEMBERS = 25


@pytest.fixture
def outside(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """A segmentation service that is told pages of ten."""
    monkeypatch.setattr(HttpSegmentation, "page_size", 10)
    with Outside() as standin:
        settings.SEGMENTATION_SERVICE_URL, settings.SEGMENTATION_SERVICE_KEY = standin.url, KEY
        yield standin


def filled(at: datetime, members: int = MEMBERS) -> Segment:
    """A segment with its members, which waits for the service."""
    segment = Segment.objects.create(
        brand=BrandFactory(), segment_type="regulars", start_date=at, end_date=at + timedelta(days=7), due_at=at,
        state=sync.get_filled_state(), members_count=members,
    )  # fmt: skip
    customers = CustomerFactory.create_batch(members)
    SegmentMember.objects.bulk_create(SegmentMember(segment=segment, customer=customer) for customer in customers)
    sync.request_sync(segment_ids=[segment.pk], at=at)
    return segment


def ids(segment: Segment) -> list[str]:
    """Our members, as the data platform calls them."""
    members = SegmentMember.objects.filter(segment=segment).order_by("customer_id")
    return list(members.values_list("customer__customer_id", flat=True))


def tell(segment: Segment, at: datetime) -> bool:
    clock = RunClock(at)
    return sync.sync_segment(segment_id=segment.pk, service=segmentation(clock), clock=clock)


def why(segment: Segment) -> str:
    """What the brand reads."""
    found = list_pending_syncs(service=Service.SEGMENTATION, subjects=[segment.pk]).get(segment.pk)
    return found.reason if found else ""


def state(segment: Segment) -> str:
    segment.refresh_from_db()
    return segment.state


def test_without_a_service_a_filled_segment_is_active_and_nobody_is_told(at: datetime):
    segment = filled(at)

    assert state(segment) == State.ACTIVE
    assert not SyncJob.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_a_filled_segment_is_told_in_pages_and_active_after_the_last(outside: Outside, at: datetime):
    segment = filled(at)
    assert (state(segment), why(segment)) == (State.SYNCING, "Waiting for the segmentation service.")
    assert OutboxMessage.objects.get().kwargs == {"segment_id": str(segment.pk)}

    assert tell(segment, at)

    known = outside.segments[str(segment.pk)]
    assert known.members == ids(segment)
    assert [len(page) for _, page in sorted(known.pages.items())] == [10, 10, 5]
    assert known.complete
    assert known.facts["expires_at"] == segment.end_date.isoformat()
    assert (state(segment), why(segment)) == (State.ACTIVE, "")
    assert segment.external_id == f"outside-{str(segment.pk)[:8]}"
    assert not tell(segment, at)  # it is told once
    assert len(outside.calls) == 5


def test_a_failing_service_is_tried_again_from_the_page_that_it_did_not_take(outside: Outside, at: datetime):
    segment = filled(at)
    outside.next(200, 200, 503)  # made, first page, second page

    assert not tell(segment, at)

    assert state(segment) == State.SYNCING
    assert why(segment) == "Waiting for the segmentation service: it answered 503: told to refuse."
    assert not tell(segment, at)  # not before its time
    assert len(outside.calls) == 3
    assert tell(segment, at + timedelta(seconds=6))
    assert outside.segments[str(segment.pk)].members == ids(segment)
    pages = [call.split()[1].rpartition("/")[2] for call in outside.calls if "/pages/" in call]
    assert pages == ["0", "1", "1", "2"]
    assert state(segment) == State.ACTIVE


@pytest.mark.parametrize("how", ["half", "swallow", "reset"])
def test_a_page_that_was_taken_in_part_or_without_an_answer_is_told_again(outside: Outside, at: datetime, how: str):
    segment = filled(at)
    outside.next(200, how)

    assert not tell(segment, at)
    assert state(segment) == State.SYNCING
    assert tell(segment, at + timedelta(seconds=6))

    assert outside.segments[str(segment.pk)].members == ids(segment)


def test_a_service_that_has_fewer_than_it_said_is_told_everything_again(outside: Outside, at: datetime):
    segment = filled(at)
    outside.next(200, 200, "lie")

    assert not tell(segment, at)

    assert "does not have all customers" in why(segment)
    assert state(segment) == State.SYNCING
    assert tell(segment, at + timedelta(seconds=6))
    assert outside.segments[str(segment.pk)].members == ids(segment)


def test_a_service_that_lost_everything_meanwhile_is_told_everything_again(outside: Outside, at: datetime):
    segment = filled(at)
    outside.next(200, 200, 503)
    tell(segment, at)
    outside.segments.clear()

    assert not tell(segment, at + timedelta(seconds=6))
    assert tell(segment, at + timedelta(seconds=20))

    assert outside.segments[str(segment.pk)].members == ids(segment)


def test_an_ended_segment_is_deleted_outside_however_long_that_takes(outside: Outside, at: datetime):
    segment = filled(at)
    tell(segment, at)
    Segment.objects.filter(pk=segment.pk).update(state=State.RELEASING, epoch=1)
    sync.request_sync(segment_ids=[segment.pk], at=at)
    outside.next(500, 500)

    assert [tell(segment, at + timedelta(minutes=minutes)) for minutes in (0, 20, 40)] == [False, False, True]

    assert outside.segments[str(segment.pk)].deleted
    assert state(segment) == State.RELEASING  # whose slots are freed is not for the service to say


def test_a_segment_that_the_service_never_knew_is_no_more_there(outside: Outside, at: datetime):
    segment = filled(at)
    Segment.objects.filter(pk=segment.pk).update(state=State.DELETED)

    assert tell(segment, at)

    assert outside.calls == [f"DELETE /segments/{segment.pk} {segment.pk}:delete"]


def test_a_segment_that_ends_while_it_is_told_is_told_no_further(
    outside: Outside, at: datetime, monkeypatch: pytest.MonkeyPatch
):
    segment = filled(at)
    add = HttpSegmentation.add

    def add_and_end(self: HttpSegmentation, *args: Any, page: int, **kwargs: Any) -> None:
        add(self, *args, page=page, **kwargs)
        if page == 1:
            Segment.objects.filter(pk=segment.pk).update(state=State.RELEASING, epoch=1)
            sync.request_sync(segment_ids=[segment.pk], at=at)

    monkeypatch.setattr(HttpSegmentation, "add", add_and_end)

    assert tell(segment, at)

    assert outside.segments[str(segment.pk)].deleted
    assert not any("/pages/2" in call or "complete" in call for call in outside.calls)
    assert state(segment) == State.RELEASING


def test_a_new_end_is_told_without_the_members(outside: Outside, at: datetime):
    segment = filled(at)
    tell(segment, at)
    outside.calls.clear()
    Segment.objects.filter(pk=segment.pk).update(end_date=at + timedelta(days=9))
    sync.request_sync(segment_ids=[segment.pk], at=at)

    assert tell(segment, at)

    assert outside.segments[str(segment.pk)].facts["expires_at"] == (at + timedelta(days=9)).isoformat()
    assert not any("/pages/" in call for call in outside.calls)
    assert outside.segments[str(segment.pk)].members == ids(segment)


def test_a_worker_that_died_leaves_the_rest_to_the_next_after_a_minute(
    outside: Outside, at: datetime, monkeypatch: pytest.MonkeyPatch
):
    segment = filled(at)
    add = HttpSegmentation.add

    class Killed(BaseException):
        pass

    def die_after(self: HttpSegmentation, *args: Any, page: int, **kwargs: Any) -> None:
        add(self, *args, page=page, **kwargs)
        if page == 1:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(HttpSegmentation, "add", die_after)
        with pytest.raises(Killed):
            tell(segment, at)

    assert not tell(segment, at + timedelta(seconds=30))  # nobody knows yet that it died
    assert tell(segment, at + sync_jobs.LEASE + timedelta(seconds=5))
    pages = [call.split()[1].rpartition("/")[2] for call in outside.calls if "/pages/" in call]
    assert pages == ["0", "1", "1", "2"]  # the second page's taking was not written down
    assert outside.segments[str(segment.pk)].members == ids(segment)
    assert state(segment) == State.ACTIVE


def test_workers_at_the_same_time_tell_a_segment_once(
    outside: Outside, at: datetime, run_concurrently: RunConcurrently
):
    segment = filled(at)

    done = run_concurrently(lambda _: tell(segment, at), range(8))

    assert sorted(done) == [False] * 7 + [True]
    assert len(outside.calls) == 5


def test_workers_who_only_look_whether_it_is_free_tell_it_many_times(
    outside: Outside, at: datetime, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
):
    """The proof that the test above can fail: the same without the taking."""

    def look(service: Service, subject: Any, now: datetime) -> SyncJob | None:
        found = sync_jobs._open(service).filter(subject=subject, due_at__lte=now).exclude(leased_until__gt=now).first()
        if found is not None:
            SyncJob.objects.filter(pk=found.pk).update(lease=subject, leased_until=now + sync_jobs.LEASE)
            found.lease = subject
        return found

    monkeypatch.setattr(sync_jobs, "_lease", look)

    def crowd() -> bool:
        segment = filled(at)
        outside.calls.clear()
        run_concurrently(lambda _: tell(segment, at), range(8))
        return len(outside.calls) > 5

    assert any(crowd() for _ in range(10))


def test_no_transaction_is_open_while_the_service_thinks(
    outside: Outside, at: datetime, run_concurrently: RunConcurrently
):
    segment = filled(at)
    outside.next(200, "hang")

    def look(_: Any) -> list[tuple[str, str]]:
        assert outside.held.wait(20)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT state, query FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND xact_start IS NOT NULL"
            )
            return list(cursor.fetchall())

    told, open_ones = run_concurrently(lambda call: call(segment), [lambda it: tell(it, at), look])

    assert told is False
    assert open_ones == []
    assert "did not answer within 5 seconds" in why(segment)


def test_what_is_due_is_told_by_the_sweep_and_a_service_that_is_ill_is_left_alone(outside: Outside, at: datetime):
    segments = [filled(at, members=3) for _ in range(8)]
    outside.faults = {"fail": 1.0}

    def sweep(at: datetime) -> int:
        clock = RunClock(at)
        return sync.sync_due(service=segmentation(clock), clock=clock)

    assert sweep(at) == 0
    assert len(outside.calls) == 5  # then the breaker is open, and the others need not try
    assert sweep(at + timedelta(seconds=10)) == 0
    assert len(outside.calls) == 5

    outside.faults = {}
    assert sweep(at + timedelta(minutes=20)) == 8
    assert {state(segment) for segment in segments} == {State.ACTIVE}


def test_a_person_need_not_wait(outside: Outside, at: datetime):
    segment = filled(at)
    outside.next(503)
    tell(segment, at)
    OutboxMessage.objects.all().delete()

    assert sync.retry_now(segment_ids=[segment.pk], at=at + timedelta(seconds=1)) == 1

    assert OutboxMessage.objects.get().task == "segments.sync_segment"
    assert tell(segment, at + timedelta(seconds=1))
    assert sync.retry_now(segment_ids=[segment.pk], at=at + timedelta(seconds=1)) == 0


def test_when_the_service_is_no_longer_configured_what_waited_for_it_goes_on(
    outside: Outside, at: datetime, settings: Any
):
    segment = filled(at)
    settings.SEGMENTATION_SERVICE_URL = ""

    assert tell(segment, at)

    assert state(segment) == State.ACTIVE
    assert outside.calls == []


def test_the_promised_task_tells(outside: Outside, run_outbox: Callable[[], int]):
    segment = filled(timezone.now())

    run_outbox()

    assert state(segment) == State.ACTIVE
    assert not OutboxMessage.objects.exists()


def test_many_faults_at_random_end_in_the_same_members(outside: Outside, at: datetime):
    outside.faults = {"fail": 0.15, "throttle": 0.03, "reset": 0.05, "swallow": 0.05, "half": 0.03, "lie": 0.01}
    segments = [filled(at, members=35) for _ in range(6)]
    ended = segments[:2]

    for minute in range(0, 2400, 20):
        now = at + timedelta(minutes=minute)
        clock = RunClock(now)
        sync.sync_due(service=segmentation(clock), clock=clock)
        if minute == 200:
            Segment.objects.filter(pk__in=[it.pk for it in ended]).update(state=State.DELETED)
            sync.request_sync(segment_ids=[it.pk for it in ended], at=now)

    assert not SyncJob.objects.exclude(failures=0).exists()
    assert all(outside.segments[str(it.pk)].deleted for it in ended)
    for segment in segments[2:]:
        assert state(segment) == State.ACTIVE
        assert outside.segments[str(segment.pk)].members == ids(segment)
