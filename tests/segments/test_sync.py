"""Sync of segments to the segmentation service, with failures, crashes and concurrent workers."""

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
from tests.fakes.external_services import KEY, FakeServices

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
MEMBERS = 25


@pytest.fixture
def external(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServices]:
    """A segmentation service that receives pages of ten."""
    monkeypatch.setattr(HttpSegmentation, "page_size", 10)
    with FakeServices() as fake:
        settings.SEGMENTATION_SERVICE_URL, settings.SEGMENTATION_SERVICE_KEY = fake.url, KEY
        yield fake


def filled(at: datetime, members: int = MEMBERS) -> Segment:
    """Create a filled segment with members that waits for its sync."""
    segment = Segment.objects.create(
        brand=BrandFactory(), segment_type="regulars", start_date=at, end_date=at + timedelta(days=7), due_at=at,
        state=sync.get_filled_state(), members_count=members,
    )  # fmt: skip
    customers = CustomerFactory.create_batch(members)
    SegmentMember.objects.bulk_create(SegmentMember(segment=segment, customer=customer) for customer in customers)
    sync.request_sync(segment_ids=[segment.pk], at=at)
    return segment


def ids(segment: Segment) -> list[str]:
    """Return the IDs of the members in the data platform."""
    members = SegmentMember.objects.filter(segment=segment).order_by("customer_id")
    return list(members.values_list("customer__customer_id", flat=True))


def run_sync(segment: Segment, at: datetime) -> bool:
    clock = RunClock(at)
    return sync.sync_segment(segment_id=segment.pk, service=segmentation(clock), clock=clock)


def pending_reason(segment: Segment) -> str:
    """Return the reason that the brand sees."""
    pending = list_pending_syncs(service=Service.SEGMENTATION, subjects=[segment.pk]).get(segment.pk)
    return pending.reason if pending else ""


def state(segment: Segment) -> str:
    segment.refresh_from_db()
    return segment.state


def test_without_a_service_a_filled_segment_is_active_and_not_synced(at: datetime):
    segment = filled(at)

    assert state(segment) == State.ACTIVE
    assert not SyncJob.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_a_segment_is_synced_in_pages_and_active_after_the_last(external: FakeServices, at: datetime):
    segment = filled(at)
    assert (state(segment), pending_reason(segment)) == (State.SYNCING, "Waiting for the segmentation service.")
    assert OutboxMessage.objects.get().kwargs == {"segment_id": str(segment.pk)}

    assert run_sync(segment, at)

    synced = external.segments[str(segment.pk)]
    assert synced.members == ids(segment)
    assert [len(page) for _, page in sorted(synced.pages.items())] == [10, 10, 5]
    assert synced.complete
    assert synced.facts["expires_at"] == segment.end_date.isoformat()
    assert (state(segment), pending_reason(segment)) == (State.ACTIVE, "")
    assert segment.external_id == f"external-{str(segment.pk)[:8]}"
    assert not run_sync(segment, at)  # up to date
    assert len(external.calls) == 5


def test_a_failed_sync_is_retried_from_the_failed_page(external: FakeServices, at: datetime):
    segment = filled(at)
    external.next(200, 200, 503)  # the segment, the first page, the second page

    assert not run_sync(segment, at)

    assert state(segment) == State.SYNCING
    assert pending_reason(segment) == "Waiting for the segmentation service: HTTP 503: fault requested by a test."
    assert not run_sync(segment, at)  # not due yet
    assert len(external.calls) == 3
    assert run_sync(segment, at + timedelta(seconds=6))
    assert external.segments[str(segment.pk)].members == ids(segment)
    pages = [call.split()[1].rpartition("/")[2] for call in external.calls if "/pages/" in call]
    assert pages == ["0", "1", "1", "2"]
    assert state(segment) == State.ACTIVE


@pytest.mark.parametrize("how", ["half", "swallow", "reset"])
def test_a_page_without_a_full_acknowledgement_is_sent_again(external: FakeServices, at: datetime, how: str):
    segment = filled(at)
    external.next(200, how)

    assert not run_sync(segment, at)
    assert state(segment) == State.SYNCING
    assert run_sync(segment, at + timedelta(seconds=6))

    assert external.segments[str(segment.pk)].members == ids(segment)


def test_missing_members_at_the_end_restart_the_sync(external: FakeServices, at: datetime):
    segment = filled(at)
    external.next(200, 200, "lie")

    assert not run_sync(segment, at)

    assert "customers are missing" in pending_reason(segment)
    assert state(segment) == State.SYNCING
    assert run_sync(segment, at + timedelta(seconds=6))
    assert external.segments[str(segment.pk)].members == ids(segment)


def test_a_service_that_lost_its_data_gets_all_members_again(external: FakeServices, at: datetime):
    segment = filled(at)
    external.next(200, 200, 503)
    run_sync(segment, at)
    external.segments.clear()

    assert not run_sync(segment, at + timedelta(seconds=6))
    assert run_sync(segment, at + timedelta(seconds=20))

    assert external.segments[str(segment.pk)].members == ids(segment)


def test_an_ended_segment_is_deleted_at_the_service_despite_failures(external: FakeServices, at: datetime):
    segment = filled(at)
    run_sync(segment, at)
    Segment.objects.filter(pk=segment.pk).update(state=State.RELEASING, epoch=1)
    sync.request_sync(segment_ids=[segment.pk], at=at)
    external.next(500, 500)

    assert [run_sync(segment, at + timedelta(minutes=minutes)) for minutes in (0, 20, 40)] == [False, False, True]

    assert external.segments[str(segment.pk)].deleted
    assert state(segment) == State.RELEASING  # releasing the slots does not depend on the service


def test_a_segment_unknown_to_the_service_is_deleted_there(external: FakeServices, at: datetime):
    segment = filled(at)
    Segment.objects.filter(pk=segment.pk).update(state=State.DELETED)

    assert run_sync(segment, at)

    assert external.calls == [f"DELETE /segments/{segment.pk} {segment.pk}:delete"]


def test_a_segment_that_ends_during_its_sync_is_deleted(
    external: FakeServices, at: datetime, monkeypatch: pytest.MonkeyPatch
):
    segment = filled(at)
    add = HttpSegmentation.add

    def add_and_end(self: HttpSegmentation, *args: Any, page: int, **kwargs: Any) -> None:
        add(self, *args, page=page, **kwargs)
        if page == 1:
            Segment.objects.filter(pk=segment.pk).update(state=State.RELEASING, epoch=1)
            sync.request_sync(segment_ids=[segment.pk], at=at)

    monkeypatch.setattr(HttpSegmentation, "add", add_and_end)

    assert run_sync(segment, at)

    assert external.segments[str(segment.pk)].deleted
    assert not any("/pages/2" in call or "complete" in call for call in external.calls)
    assert state(segment) == State.RELEASING


def test_a_new_end_is_synced_without_the_members(external: FakeServices, at: datetime):
    segment = filled(at)
    run_sync(segment, at)
    external.calls.clear()
    Segment.objects.filter(pk=segment.pk).update(end_date=at + timedelta(days=9))
    sync.request_sync(segment_ids=[segment.pk], at=at)

    assert run_sync(segment, at)

    assert external.segments[str(segment.pk)].facts["expires_at"] == (at + timedelta(days=9)).isoformat()
    assert not any("/pages/" in call for call in external.calls)
    assert external.segments[str(segment.pk)].members == ids(segment)


def test_another_worker_continues_after_the_lease_of_a_crashed_one(
    external: FakeServices, at: datetime, monkeypatch: pytest.MonkeyPatch
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
            run_sync(segment, at)

    assert not run_sync(segment, at + timedelta(seconds=30))  # the lease of the crashed worker is still valid
    assert run_sync(segment, at + sync_jobs.LEASE + timedelta(seconds=5))
    pages = [call.split()[1].rpartition("/")[2] for call in external.calls if "/pages/" in call]
    assert pages == ["0", "1", "1", "2"]  # the progress of the second page was not stored
    assert external.segments[str(segment.pk)].members == ids(segment)
    assert state(segment) == State.ACTIVE


def test_concurrent_workers_sync_a_segment_once(
    external: FakeServices, at: datetime, run_concurrently: RunConcurrently
):
    segment = filled(at)

    done = run_concurrently(lambda _: run_sync(segment, at), range(8))

    assert sorted(done) == [False] * 7 + [True]
    assert len(external.calls) == 5


def test_without_an_atomic_lease_workers_sync_a_segment_repeatedly(
    external: FakeServices, at: datetime, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
):
    """Prove that the test above can fail, with a lease that is read before it is written."""

    def check_then_lease(service: Service, subject: Any, now: datetime) -> SyncJob | None:
        job = sync_jobs._open(service).filter(subject=subject, due_at__lte=now).exclude(leased_until__gt=now).first()
        if job is not None:
            SyncJob.objects.filter(pk=job.pk).update(lease=subject, leased_until=now + sync_jobs.LEASE)
            job.lease = subject
        return job

    monkeypatch.setattr(sync_jobs, "_lease", check_then_lease)

    def has_repeated_calls() -> bool:
        segment = filled(at)
        external.calls.clear()
        run_concurrently(lambda _: run_sync(segment, at), range(8))
        return len(external.calls) > 5

    assert any(has_repeated_calls() for _ in range(10))


def test_no_transaction_is_open_during_a_call(external: FakeServices, at: datetime, run_concurrently: RunConcurrently):
    segment = filled(at)
    external.next(200, "hang")

    def list_open_transactions(_: Any) -> list[tuple[str, str]]:
        assert external.hanging.wait(20)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT state, query FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND xact_start IS NOT NULL"
            )
            return list(cursor.fetchall())

    synced, open_transactions = run_concurrently(
        lambda call: call(segment), [lambda segment: run_sync(segment, at), list_open_transactions]
    )

    assert synced is False
    assert open_transactions == []
    assert "timed out after 5 seconds" in pending_reason(segment)


def test_the_periodic_sync_stops_while_the_circuit_is_open(external: FakeServices, at: datetime):
    segments = [filled(at, members=3) for _ in range(8)]
    external.fault_rates = {"fail": 1.0}

    def run_due(at: datetime) -> int:
        clock = RunClock(at)
        return sync.sync_due(service=segmentation(clock), clock=clock)

    assert run_due(at) == 0
    assert len(external.calls) == 5  # then the circuit is open, and the other segments are not sent
    assert run_due(at + timedelta(seconds=10)) == 0
    assert len(external.calls) == 5

    external.fault_rates = {}
    assert run_due(at + timedelta(minutes=20)) == 8
    assert {state(segment) for segment in segments} == {State.ACTIVE}


def test_retry_now_does_not_wait_for_the_next_attempt(external: FakeServices, at: datetime):
    segment = filled(at)
    external.next(503)
    run_sync(segment, at)
    OutboxMessage.objects.all().delete()

    assert sync.retry_now(segment_ids=[segment.pk], at=at + timedelta(seconds=1)) == 1

    assert OutboxMessage.objects.get().task == "segments.sync_segment"
    assert run_sync(segment, at + timedelta(seconds=1))
    assert sync.retry_now(segment_ids=[segment.pk], at=at + timedelta(seconds=1)) == 0


def test_waiting_segments_become_active_without_the_service(external: FakeServices, at: datetime, settings: Any):
    segment = filled(at)
    settings.SEGMENTATION_SERVICE_URL = ""

    assert run_sync(segment, at)

    assert state(segment) == State.ACTIVE
    assert external.calls == []


def test_the_background_task_syncs_a_segment(external: FakeServices, run_outbox: Callable[[], int]):
    segment = filled(timezone.now())

    run_outbox()

    assert state(segment) == State.ACTIVE
    assert not OutboxMessage.objects.exists()


def test_random_failures_end_in_the_same_members(external: FakeServices, at: datetime):
    external.fault_rates = {"fail": 0.15, "throttle": 0.03, "reset": 0.05, "swallow": 0.05, "half": 0.03, "lie": 0.01}
    segments = [filled(at, members=35) for _ in range(6)]
    ended = segments[:2]

    for minute in range(0, 2400, 20):
        now = at + timedelta(minutes=minute)
        clock = RunClock(now)
        sync.sync_due(service=segmentation(clock), clock=clock)
        if minute == 200:
            Segment.objects.filter(pk__in=[segment.pk for segment in ended]).update(state=State.DELETED)
            sync.request_sync(segment_ids=[segment.pk for segment in ended], at=now)

    assert not SyncJob.objects.exclude(failures=0).exists()
    assert all(external.segments[str(segment.pk)].deleted for segment in ended)
    for segment in segments[2:]:
        assert state(segment) == State.ACTIVE
        assert external.segments[str(segment.pk)].members == ids(segment)
