"""Leaving a service alone that is ill, over all processes: a row says how it does.

Closed: everybody calls. Open: nobody does, until its time is up; then one caller tries, and the others wait for what
comes of it.
"""

from datetime import datetime, timedelta

import structlog
from django.db.models import Q

from promoplatform.kernel import db
from promoplatform.kernel.outside import rules
from promoplatform.kernel.outside.contracts import LeftAlone, NotTaken, Service
from promoplatform.kernel.outside.models import Health

log = structlog.get_logger(__name__)
TRIAL = timedelta(seconds=15)  # longer than a call may take


def look(service: Service, *, at: datetime) -> Health | None:
    """How the service does, if it is ill; None if it is well. Raises LeftAlone before its time is up."""
    health = Health.objects.filter(pk=service).exclude(open_until=None).first()
    if health is not None and health.open_until and health.open_until > at:
        raise LeftAlone(health.error, health.open_until)
    return health


def ask(service: Service, *, at: datetime) -> None:
    """Before each call: one statement, which only reads as long as the service is well. Raises LeftAlone."""
    health = look(service, at=at)
    if health is None:
        return
    mine = Health.objects.filter(pk=service, open_until=health.open_until).update(open_until=at + TRIAL)
    if not mine:  # somebody else tries it at this moment
        raise LeftAlone(health.error, at + TRIAL)


def answered(service: Service, *, at: datetime) -> None:
    """It is well: whoever waited for it may call."""
    ill = Health.objects.filter(pk=service).exclude(Q(failures=0) & Q(open_until=None))
    if ill.update(failures=0, open_until=None, open_since=None, error="", changed_at=at):
        log.info("outside_service_answers", service=service.value)


def not_taken(service: Service, fault: NotTaken, *, at: datetime) -> None:
    """A call came to nothing: count it if the service is ill, leave it alone if it asked for that."""
    if not (fault.ill or fault.wait):
        answered(service, at=at)  # it does answer; what it refused is this errand's fault alone
        return
    params = {"service": service.value, "error": fault.reason, "failed": int(fault.ill and not fault.wait), "at": at}
    row = db.one("promoplatform/kernel/outside/sql/count_failure.sql", params)
    failures = row["failures"] if row else 0
    wait = timedelta(seconds=fault.wait) if fault.wait else rules.pause(failures)
    if wait is not None:
        log.warning("outside_service_left_alone", service=service.value, error=fault.reason, seconds=wait.seconds)
        later = Health.objects.filter(pk=service).filter(Q(open_until=None) | Q(open_until__lt=at + wait))
        later.filter(open_since=None).update(open_since=at, open_until=at + wait, changed_at=at)
        later.update(open_until=at + wait, changed_at=at)


def try_again(service: Service, *, at: datetime) -> None:
    """A person asks to try now: the next caller does."""
    Health.objects.filter(pk=service, open_until__gt=at).update(open_until=at)
