"""Sending what is due: claim a batch, hand it over outside any transaction, write down what came of it.

A mail is claimed in a transaction that is committed before the provider is called, so a worker that dies leaves it
claimed. It is
never sent again by itself: after ``LEASE`` it becomes doubtful, until the provider's events or a person settle it.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.core.mail import get_connection
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from core import db
from core.renames import current_mail_type
from mailings import rules, selectors
from mailings.contracts import (
    MAX_BATCH,
    BatchBackend,
    Content,
    MailStatus,
    MailType,
    Outcome,
    RenderedMail,
    SendResult,
)
from mailings.models import Mail, Mailing
from mailings.services import single_messages
from mailings.services.unsubscriptions import unsubscribe_url

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=15)  # longer than any worker works on one batch
BUDGET = 50.0  # seconds that one run goes on; beat starts the next
MAX_REQUESTS = 100  # to find the bad addresses of one batch, where the provider does not name them
SMALL_BATCH = 50  # where the backend takes one message at a time

_NOT_ATTEMPTED = SendResult(Outcome.RETRY, "Waits with the rest of its batch.")


@dataclass(frozen=True, slots=True)
class Batch:
    """Mails of one mailing that this worker alone may send."""

    id: uuid.UUID
    mailing: Mailing
    rows: Sequence[db.Row]


def send_due(*, at: datetime, budget: float = BUDGET) -> int:
    """Send due mails, batch after batch, until none is left, the provider asks to wait, or the budget is spent; how
    many were accepted.
    """
    ends = time.monotonic() + budget
    mark_abandoned_unknown(at=at)
    accepted = 0
    while time.monotonic() < ends:
        mailing = selectors.next_mailing(at=at)
        batch = mailing and _claim(mailing, at)
        if not batch:
            break
        sent, go_on = _send(batch, at)
        accepted += sent
        if not go_on:
            break
    db.execute("mailings/sql/finish_mailings.sql", {})
    return accepted


def mark_abandoned_unknown(*, at: datetime) -> int:
    """Mark the mails doubtful whose worker died after claiming them; how many."""
    abandoned = Mail.objects.filter(status=MailStatus.SENDING, claimed_at__lt=at - LEASE)
    found = abandoned.update(
        status=MailStatus.UNKNOWN, error="The worker was lost while it sent this; the provider may have it."
    )
    if found:
        log.warning("mails_doubtful", mails=found)
    return found


def resend(*, mail_ids: Sequence[int], at: datetime) -> int:
    """A person decides that failed or doubtful mails are sent once more; how many."""
    with transaction.atomic():
        mails = Mail.objects.filter(pk__in=mail_ids, status__in=[MailStatus.FAILED, MailStatus.UNKNOWN])
        mailings = list(mails.order_by().values_list("mailing", flat=True).distinct())
        Mailing.objects.filter(pk__in=mailings, status="done").update(status="sending")
        return mails.update(status=MailStatus.PLANNED, due_at=at, attempts=0, batch=None, claimed_at=None, error="")


def _batch_size() -> int:
    return MAX_BATCH if isinstance(get_connection(), BatchBackend) else SMALL_BATCH


def _claim(mailing: Mailing, at: datetime) -> Batch | None:
    """Claim the next batch, and commit; None when others were faster."""
    batch = uuid.uuid4()
    params = {
        "mailing": mailing.pk,
        "sender": mailing.sender,
        "marketing": mailing.marketing,
        "batch": batch,
        "at": at,
        "limit": _batch_size(),
    }
    with transaction.atomic(durable=True):
        rows = db.fetch_all("mailings/sql/claim_batch.sql", params)
    return Batch(batch, mailing, [row for row in rows if row["state"] == MailStatus.SENDING]) if rows else None


def _send(batch: Batch, at: datetime) -> tuple[int, bool]:
    """Hand a claimed batch over; how many were accepted, and whether to go on with the next."""
    try:
        content, letters = _render(batch, at)
    except Exception as error:  # (a builder may fail in any way; its mails wait, others go on)
        log.exception("mail_not_built", mailing=batch.mailing.key)
        _record_result(
            batch,
            [row["id"] for row in batch.rows],
            SendResult(Outcome.RETRY, f"{type(error).__name__}: {error}"[:500]),
            at,
        )
        return 0, True
    if content is None or not letters:
        return 0, True
    connection = get_connection()
    if isinstance(connection, BatchBackend):
        return _send_in_parts(batch, connection, content, letters, at)
    return single_messages.send(
        connection, content, letters, lambda ids, answer: _record_result(batch, ids, answer, at)
    )


def _render(batch: Batch, at: datetime) -> tuple[Content | None, list[RenderedMail]]:
    """The content and the letters of those who still agree; the others' mails are set aside."""
    mailing = batch.mailing
    kind: MailType = import_string(current_mail_type(mailing.mail_type))
    content = kind.build(key=mailing.key, data=mailing.data, at=at)
    recipients = [row["recipient"] for row in batch.rows]
    wanted = set() if content is None else set(recipients) if kind.wanted is None else kind.wanted(recipients)
    unwanted = [row["id"] for row in batch.rows if row["recipient"] not in wanted]
    if unwanted:
        _claimed_rows(batch, unwanted).update(
            status=MailStatus.SUPPRESSED, error="No longer wanted when it was to be sent."
        )
    return content, [_to_rendered_mail(mailing, row) for row in batch.rows if row["recipient"] in wanted]


def _to_rendered_mail(mailing: Mailing, row: db.Row) -> RenderedMail:
    url = unsubscribe_url(mail_id=row["id"]) if mailing.marketing else ""
    return RenderedMail(row["id"], row["address"], row["name"], url, row["word"])


def _send_in_parts(
    batch: Batch, connection: BatchBackend, content: Content, letters: list[RenderedMail], at: datetime
) -> tuple[int, bool]:
    """One request, or as many as it takes until each bad address fails alone and everyone else has their mail."""
    parts, accepted, requests, go_on = [letters], 0, 0, True
    while parts:
        part = parts.pop()
        answer = connection.send_batch(content=content, letters=part) if go_on else _NOT_ATTEMPTED
        requests += 1
        if answer.outcome is Outcome.REJECTED and len(part) > 1:
            parts += _split(batch, part, answer, at)
            go_on = requests < MAX_REQUESTS
            continue
        _record_result(batch, [letter.id for letter in part], answer, at)
        accepted += len(part) if answer.outcome is Outcome.ACCEPTED else 0
        go_on = go_on and answer.outcome in (Outcome.ACCEPTED, Outcome.REJECTED)
    return accepted, go_on


def _split(batch: Batch, part: list[RenderedMail], answer: SendResult, at: datetime) -> list[list[RenderedMail]]:
    """What to try instead of a refused part: without the ones that the refusal names, or each half alone."""
    if not answer.failed_indexes:
        return [part[len(part) // 2 :], part[: len(part) // 2]]
    _record_result(
        batch, [letter.id for place, letter in enumerate(part) if place in answer.failed_indexes], answer, at
    )
    others = [letter for place, letter in enumerate(part) if place not in answer.failed_indexes]
    return [others] if others else []


def _claimed_rows(batch: Batch, ids: Sequence[int]) -> QuerySet[Mail]:
    """The claim's mails that nobody has settled otherwise; a worker that was only slow settles its doubtful ones."""
    return Mail.objects.filter(pk__in=ids, batch=batch.id, status__in=[MailStatus.SENDING, MailStatus.UNKNOWN])


def _record_result(batch: Batch, ids: Sequence[int], answer: SendResult, at: datetime) -> None:
    """Write down what an attempt came to."""
    mails = _claimed_rows(batch, ids)
    attempts = max((row["attempts"] for row in batch.rows), default=1)
    if answer.outcome is Outcome.ACCEPTED:
        mails.update(status=MailStatus.SENT, sent_at=Now(), message_id=answer.message_id, error="")
        return
    log.warning(
        "mails_not_accepted",
        mailing=batch.mailing.key,
        mails=len(ids),
        outcome=answer.outcome.value,
        error=answer.error,
    )
    if answer.outcome is Outcome.UNKNOWN:
        mails.update(status=MailStatus.UNKNOWN, error=answer.error)
    elif answer.outcome is Outcome.REJECTED or attempts >= rules.MAX_ATTEMPTS:
        mails.update(status=MailStatus.FAILED, error=answer.error)
    else:
        wait = max(rules.back_off(attempts), timedelta(seconds=answer.wait))
        mails.update(status=MailStatus.PLANNED, due_at=at + wait, error=answer.error)
