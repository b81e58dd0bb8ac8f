"""Circuit breakers of external services, shared by all processes through a row per service.

A closed circuit allows all calls. An open one rejects them until ``open_until``; then it allows one trial call, whose
result decides.
"""

from datetime import datetime, timedelta

import structlog
from django.db.models import Q

from core import db
from integrations import rules
from integrations.contracts import CircuitOpen, DeliveryFailed, Service
from integrations.models import CircuitState

log = structlog.get_logger(__name__)
TRIAL_TIMEOUT = timedelta(seconds=15)  # longer than a call can take


def get_state(service: Service, *, at: datetime) -> CircuitState | None:
    """Return the state of an open circuit that may be tried, or None if it is closed. Raises CircuitOpen."""
    state = CircuitState.objects.filter(pk=service).exclude(open_until=None).first()
    if state is not None and state.open_until and state.open_until > at:
        raise CircuitOpen(state.error, state.open_until)
    return state


def before_call(service: Service, *, at: datetime) -> None:
    """Allow or reject a call, with one query while the circuit is closed. Raises CircuitOpen."""
    state = get_state(service, at=at)
    if state is None:
        return
    is_ours = CircuitState.objects.filter(pk=service, open_until=state.open_until).update(open_until=at + TRIAL_TIMEOUT)
    if not is_ours:  # another caller makes the trial call
        raise CircuitOpen(state.error, at + TRIAL_TIMEOUT)


def on_success(service: Service, *, at: datetime) -> None:
    """Close the circuit after a successful call."""
    failing = CircuitState.objects.filter(pk=service).exclude(Q(failures=0) & Q(open_until=None))
    if failing.update(failures=0, open_until=None, open_since=None, error="", changed_at=at):
        log.info("circuit_breaker_closed", service=service.value)


def on_failure(service: Service, error: DeliveryFailed, *, at: datetime) -> None:
    """Record a failed call, and open the circuit after too many of them or if the service asked to wait."""
    if not (error.is_service_failure or error.retry_after):
        on_success(service, at=at)  # the service works; it rejected this job only
        return
    params = {
        "service": service.value,
        "error": error.reason,
        "failed": int(error.is_service_failure and not error.retry_after),
        "at": at,
    }
    row = db.fetch_one("integrations/sql/count_failure.sql", params)
    failures = row["failures"] if row else 0
    wait = timedelta(seconds=error.retry_after) if error.retry_after else rules.open_duration(failures)
    if wait is not None:
        log.warning("circuit_breaker_opened", service=service.value, error=error.reason, seconds=wait.seconds)
        later = CircuitState.objects.filter(pk=service).filter(Q(open_until=None) | Q(open_until__lt=at + wait))
        later.filter(open_since=None).update(open_since=at, open_until=at + wait, changed_at=at)
        later.update(open_until=at + wait, changed_at=at)


def half_open(service: Service, *, at: datetime) -> None:
    """Allow a trial call at once, at a person's request."""
    CircuitState.objects.filter(pk=service, open_until__gt=at).update(open_until=at)
