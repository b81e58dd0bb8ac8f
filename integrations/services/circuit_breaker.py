"""Leaving a service alone that is ill, over all processes: a row says how it does.

Closed: everybody calls. Open: nobody does, until its time is up; then one caller tries, and the others wait for what
comes of it.
"""

from datetime import datetime, timedelta

import structlog
from django.db.models import Q

from core import db
from integrations import rules
from integrations.contracts import CircuitOpen, DeliveryFailed, Service
from integrations.models import CircuitState

log = structlog.get_logger(__name__)
TRIAL_TIMEOUT = timedelta(seconds=15)  # longer than a call may take


def get_state(service: Service, *, at: datetime) -> CircuitState | None:
    """How the service does, if it is ill; None if it is well. Raises LeftAlone before its time is up."""
    health = CircuitState.objects.filter(pk=service).exclude(open_until=None).first()
    if health is not None and health.open_until and health.open_until > at:
        raise CircuitOpen(health.error, health.open_until)
    return health


def before_call(service: Service, *, at: datetime) -> None:
    """Before each call: one statement, which only reads as long as the service is well. Raises LeftAlone."""
    health = get_state(service, at=at)
    if health is None:
        return
    mine = CircuitState.objects.filter(pk=service, open_until=health.open_until).update(open_until=at + TRIAL_TIMEOUT)
    if not mine:  # somebody else tries it at this moment
        raise CircuitOpen(health.error, at + TRIAL_TIMEOUT)


def on_success(service: Service, *, at: datetime) -> None:
    """It is well: whoever waited for it may call."""
    ill = CircuitState.objects.filter(pk=service).exclude(Q(failures=0) & Q(open_until=None))
    if ill.update(failures=0, open_until=None, open_since=None, error="", changed_at=at):
        log.info("outside_service_answers", service=service.value)


def on_failure(service: Service, fault: DeliveryFailed, *, at: datetime) -> None:
    """A call came to nothing: count it if the service is ill, leave it alone if it asked for that."""
    if not (fault.ill or fault.wait):
        on_success(service, at=at)  # it does answer; what it refused is this errand's fault alone
        return
    params = {"service": service.value, "error": fault.reason, "failed": int(fault.ill and not fault.wait), "at": at}
    row = db.fetch_one("integrations/sql/count_failure.sql", params)
    failures = row["failures"] if row else 0
    wait = timedelta(seconds=fault.wait) if fault.wait else rules.open_duration(failures)
    if wait is not None:
        log.warning("outside_service_left_alone", service=service.value, error=fault.reason, seconds=wait.seconds)
        later = CircuitState.objects.filter(pk=service).filter(Q(open_until=None) | Q(open_until__lt=at + wait))
        later.filter(open_since=None).update(open_since=at, open_until=at + wait, changed_at=at)
        later.update(open_until=at + wait, changed_at=at)


def half_open(service: Service, *, at: datetime) -> None:
    """A person asks to try now: the next caller does."""
    CircuitState.objects.filter(pk=service, open_until__gt=at).update(open_until=at)
