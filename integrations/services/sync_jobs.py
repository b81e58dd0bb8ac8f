"""Telling services outside what they are to know: taken by one worker at a time, never in a transaction, until it has
been acknowledged.

An errand is taken in a transaction that is committed before the service is called. Whoever holds its lease, and nobody
else, writes down how far it came, as long as what is told is still the newest version: each update's row count decides.
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
LEASE = timedelta(seconds=60)  # much longer than one call; each page that was taken renews it
BUDGET = 50.0  # seconds that one run goes on; the next begins where it stopped
BATCH = 100

SyncFunction = Callable[[SyncJob], None]  # raises NotTaken, LeftAlone or Overtaken
FinishFunction = Callable[[SyncJob], None]  # what follows the acknowledgement, in its transaction


def request_sync(*, service: Service, subjects: Collection[uuid.UUID], at: datetime) -> None:
    """The service is to be told of these as they stand once the surrounding transaction has committed."""
    if subjects:
        params = {"service": service.value, "subjects": list(subjects), "at": at}
        db.execute("integrations/sql/upsert_sync_job.sql", params)


def run(*, service: Service, subject: uuid.UUID, tell: SyncFunction, settle: FinishFunction, clock: RunClock) -> bool:
    """Tell the service of one thing, if it is due and nobody else does; whether it now knows the newest version."""
    errand = _lease(service, subject, clock.now())
    while errand is not None:
        try:
            tell(errand)
        except Superseded:
            if not _owned(errand).update(lease=None, leased_until=None):
                return False  # somebody else has it
            errand = _lease(service, subject, clock.now())
            continue
        except CircuitOpen as fault:
            _reschedule(errand, fault.reason, fault.until, failures=errand.failures)
            return False
        except DeliveryFailed as fault:
            _failed(errand, fault, clock.now())
            return False
        if _acknowledge(errand, settle, clock.now()):
            return True
        errand = _lease(service, subject, clock.now())
    return False


def run_due(
    *, service: Service, tell: SyncFunction, settle: FinishFunction, clock: RunClock, budget: float = BUDGET
) -> int:
    """Run the errands that are due, the longest due first, until none is left, the service is to be left alone, or the
    budget (seconds) is spent; how many the service has acknowledged.
    """
    ends, told, seen = time.monotonic() + budget, 0, set[uuid.UUID]()
    while time.monotonic() < ends:
        now = clock.now()
        try:
            circuit_breaker.get_state(service, at=now)
        except CircuitOpen:
            break
        due = _open(service).filter(due_at__lte=now).exclude(leased_until__gt=now).exclude(subject__in=seen)
        subject = due.order_by("due_at").values_list("subject", flat=True).first()
        if subject is None:
            break
        seen.add(subject)
        told += run(service=service, subject=subject, tell=tell, settle=settle, clock=clock)
    return told


def save_progress(errand: SyncJob, *, cursor: int, taken: int, at: datetime) -> None:
    """The service has taken a page of ``taken`` items, the last of them ``cursor``: whoever goes on does so behind it.

    Raises Overtaken when that is no longer ours to do, or no longer what is to be told.
    """
    there = {"cursor": cursor, "page": errand.page + 1, "sent": errand.sent_count + taken}
    mine = _owned(errand).filter(version=errand.version)
    if not mine.update(**there, failures=0, error="", leased_until=at + LEASE):
        raise Superseded
    errand.cursor, errand.page, errand.sent_count, errand.failures = (
        cursor,
        errand.page + 1,
        errand.sent_count + taken,
        0,
    )


def restart(errand: SyncJob) -> None:
    """The series is to be told again from its beginning."""
    _owned(errand).update(cursor=0, page=0, sent_count=0)


def retry_now(*, service: Service, subjects: Collection[uuid.UUID], at: datetime) -> int:
    """A person does not want to wait: the open ones of these are due now, and the service is tried; how many."""
    found = _open(service).filter(subject__in=subjects).update(due_at=at, failures=0)
    if found:
        circuit_breaker.half_open(service, at=at)
    return found


def resync_all(*, service: Service, subjects: Collection[uuid.UUID], at: datetime) -> None:
    """The service lost what it knew: tell it all of these again from the beginning, as they stand now."""
    with transaction.atomic():
        request_sync(service=service, subjects=subjects, at=at)
        told = SyncJob.objects.filter(service=service, subject__in=subjects)
        told.update(cursor=0, page=0, sent_count=0, due_at=at, failures=0)
    circuit_breaker.half_open(service, at=at)


def _open(service: Service) -> QuerySet[SyncJob]:
    return SyncJob.objects.filter(service=service, acknowledged__lt=F("version"))


def _owned(errand: SyncJob) -> QuerySet[SyncJob]:
    return SyncJob.objects.filter(pk=errand.pk, lease=errand.lease)


def _lease(service: Service, subject: uuid.UUID, at: datetime) -> SyncJob | None:
    """Take a due errand, and commit; None when it is not due, or somebody else has it."""
    lease = uuid.uuid4()
    with transaction.atomic(durable=True):
        free = _open(service).filter(subject=subject, due_at__lte=at).exclude(leased_until__gt=at)
        if not free.update(lease=lease, leased_until=at + LEASE):
            return None
        return SyncJob.objects.get(service=service, subject=subject, lease=lease)


def _acknowledge(errand: SyncJob, settle: FinishFunction, at: datetime) -> bool:
    """The service has taken this version; whether it is still the newest."""
    with transaction.atomic():
        told = {"acknowledged": errand.version, "synced_at": at, "failures": 0, "error": ""}
        if not _owned(errand).update(**told, lease=None, leased_until=None):
            return False
        settle(errand)
        return not _open(Service(errand.service)).filter(pk=errand.pk).exists()


def _reschedule(errand: SyncJob, reason: str, until: datetime, *, failures: int) -> None:
    _owned(errand).update(lease=None, leased_until=None, due_at=until, error=reason[:1000], failures=failures)


def _failed(errand: SyncJob, fault: DeliveryFailed, at: datetime) -> None:
    failures = min(errand.failures + 1, 30_000)
    wait = max(rules.back_off(failures, random.random()), timedelta(seconds=fault.wait))  # noqa: S311  (no secret)
    log.warning("outside_not_taken", service=errand.service, subject=str(errand.subject), error=fault.reason)
    _reschedule(errand, fault.reason, at + wait, failures=failures)
