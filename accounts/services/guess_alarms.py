"""Alarms of brands whose API keys guess codes: an event of the audit log and an email to the owners, once an hour."""

import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from accounts import emails
from accounts.models import Access, AccessEvent, Brand
from accounts.services.api_keys import write_to_owners
from accounts.services.audit import record_access
from core import redis
from core.outbox import enqueue_on_commit

NOTED = redis.key("alarms", "guesses")
INTERVAL = timedelta(hours=1)
SUBJECT = "unknown codes"


def note_guesses(*, brand_id: uuid.UUID) -> None:
    """Note that a brand's API keys exceeded a limit of unknown codes, outside any transaction, which may be undone."""
    with suppress(redis.Error):
        redis.execute_pipeline(("SADD", NOTED, str(brand_id)))


def report_guesses(*, at: datetime) -> None:
    """Raise the alarms of the brands that were noted. Raises the error of Redis while it is unavailable."""
    (noted,) = redis.execute_pipeline(("SMEMBERS", NOTED))
    for member in noted:
        _report(uuid.UUID(member.decode()), at)
        redis.execute_pipeline(("SREM", NOTED, member.decode()))


@transaction.atomic
def _report(brand_id: uuid.UUID, at: datetime) -> None:
    if not Brand.objects.select_for_update().filter(pk=brand_id).exists():
        return
    reported = AccessEvent.objects.filter(brand=brand_id, pgh_label=Access.GUESSED, pgh_created_at__gt=at - INTERVAL)
    if not reported.exists():
        record_access(Access.GUESSED, brand=brand_id, subject=SUBJECT)
        enqueue_on_commit("accounts.announce_guesses", brand_id=str(brand_id))


def announce_guesses(*, brand_id: uuid.UUID) -> None:
    """Send the owners of a brand the email that says that its API keys guess codes."""
    brand = Brand.objects.filter(pk=brand_id).first()
    if brand is not None:
        write_to_owners(brand, partial(emails.guesses, brand=brand))
