"""Sync jobs: run by one worker at a time, outside any transaction, until the service has acknowledged the object.

A job is leased in a transaction that is committed before the service is called. Only the holder of the lease records
progress, and only while its version is the latest: the row count of each update decides.
"""

import random
import time
import uuid
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, QuerySet

from core import db
from integrations import rules
from integrations.contracts import CircuitOpen, DeliveryFailed, RunClock, Service, Superseded
from integrations.models import SyncJob
from integrations.services import circuit_breaker

log = structlog.get_logger(__name__)
LEASE = timedelta(seconds=60)  # much longer than one call; each accepted page renews it
BUDGET = 50.0  # seconds of one run; the next run continues
BATCH = 100

SyncFunction = Callable[[SyncJob], None]  # raises DeliveryFailed, CircuitOpen or Superseded
FinishFunction = Callable[[SyncJob], None]  # runs in the transaction of the acknowledgment


def request_sync(*, service: Service, subjects: Collection[uuid.UUID], at: datetime) -> None:
    """Request a sync of the subjects in the state that the surrounding transaction commits."""
    if subjects:
        params = {"service": service.value, "subjects": list(subjects), "at": at}
        db.execute("integrations/sql/upsert_sync_job.sql", params)


def run_job(
    *, service: Service, subject: uuid.UUID, sync: SyncFunction, finish: FinishFunction, clock: RunClock
) -> bool:
    """Run a job if it is due and not leased. Return whether the service has acknowledged the latest version."""
    job = _lease(service, subject, clock.now())
    while job is not None:
        try:
            sync(job)
        except Superseded:
            if not _owned(job).update(lease=None, leased_until=None):
                return False  # another worker has the lease
            job = _lease(service, subject, clock.now())
            continue
        except CircuitOpen as error:
            _reschedule(job, error.reason, error.until, failures=job.failures)
            return False
        except DeliveryFailed as error:
            _record_failure(job, error, clock.now())
            return False
        if _acknowledge(job, finish, clock.now()):
            return True
        job = _lease(service, subject, clock.now())
    return False


def run_due_jobs(
    *, service: Service, sync: SyncFunction, finish: FinishFunction, clock: RunClock, budget: float = BUDGET
) -> int:
    """Run due jobs, longest due first, and return the number of acknowledged ones.

    It stops when no job is due, the circuit opens, or the budget (seconds) is spent.
    """
    deadline, synced, tried = time.monotonic() + budget, 0, set[uuid.UUID]()
    while time.monotonic() < deadline:
        now = clock.now()
        try:
            circuit_breaker.get_state(service, at=now)
        except CircuitOpen:
            break
        due = _open(service).filter(due_at__lte=now).exclude(leased_until__gt=now).exclude(subject__in=tried)
        subject = due.order_by("due_at").values_list("subject", flat=True).first()
        if subject is None:
            break
        tried.add(subject)
        synced += run_job(service=service, subject=subject, sync=sync, finish=finish, clock=clock)
    return synced


def save_progress(job: SyncJob, *, cursor: int, count: int, at: datetime) -> None:
    """Record that the service has accepted a page of ``count`` items, the last of which is ``cursor``.

    Raises Superseded if another worker holds the lease or the job has a newer version.
    """
    progress = {"cursor": cursor, "page": job.page + 1, "sent_count": job.sent_count + count}
    owned = _owned(job).filter(version=job.version)
    if not owned.update(**progress, failures=0, error="", leased_until=at + LEASE):
        raise Superseded
    job.cursor, job.page, job.sent_count, job.failures = (
        cursor,
        job.page + 1,
        job.sent_count + count,
        0,
    )


def restart(job: SyncJob) -> None:
    """Reset the progress of the job, so that all items are sent again."""
    _owned(job).update(cursor=0, page=0, sent_count=0)


def retry_now(*, service: Service, subjects: Collection[uuid.UUID], at: datetime) -> int:
    """Make pending jobs due now, allow a trial call, and return the number of jobs."""
    found = _open(service).filter(subject__in=subjects).update(due_at=at, failures=0)
    if found:
        circuit_breaker.half_open(service, at=at)
    return found


def resync_all(*, service: Service, subjects: Collection[uuid.UUID], at: datetime) -> None:
    """Send the subjects again from the start, for a service that has lost its data."""
    with transaction.atomic():
        request_sync(service=service, subjects=subjects, at=at)
        jobs = SyncJob.objects.filter(service=service, subject__in=subjects)
        jobs.update(cursor=0, page=0, sent_count=0, due_at=at, failures=0)
    circuit_breaker.half_open(service, at=at)


def _open(service: Service) -> QuerySet[SyncJob]:
    return SyncJob.objects.filter(service=service, acknowledged__lt=F("version"))


def _owned(job: SyncJob) -> QuerySet[SyncJob]:
    return SyncJob.objects.filter(pk=job.pk, lease=job.lease)


def _lease(service: Service, subject: uuid.UUID, at: datetime) -> SyncJob | None:
    """Lease a due job and commit. Return None if it is not due or another worker has the lease."""
    lease = uuid.uuid4()
    with transaction.atomic(durable=True):
        free = _open(service).filter(subject=subject, due_at__lte=at).exclude(leased_until__gt=at)
        if not free.update(lease=lease, leased_until=at + LEASE):
            return None
        return SyncJob.objects.get(service=service, subject=subject, lease=lease)


def _acknowledge(job: SyncJob, finish: FinishFunction, at: datetime) -> bool:
    """Record the acknowledgment of the job's version. Return whether it is the latest version."""
    with transaction.atomic():
        values = {"acknowledged": job.version, "synced_at": at, "failures": 0, "error": ""}
        if not _owned(job).update(**values, lease=None, leased_until=None):
            return False
        finish(job)
        return not _open(Service(job.service)).filter(pk=job.pk).exists()


def _reschedule(job: SyncJob, reason: str, until: datetime, *, failures: int) -> None:
    _owned(job).update(lease=None, leased_until=None, due_at=until, error=reason[:1000], failures=failures)


def _record_failure(job: SyncJob, error: DeliveryFailed, at: datetime) -> None:
    failures = min(job.failures + 1, 30_000)
    wait = max(rules.retry_delay(failures, random.random()), timedelta(seconds=error.retry_after))  # noqa: S311  (no secret)
    log.warning("sync_failed", service=job.service, subject=str(job.subject), error=error.reason)
    _reschedule(job, error.reason, at + wait, failures=failures)
