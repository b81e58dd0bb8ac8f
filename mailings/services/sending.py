"""Sending of due emails: claim a batch, send it outside any transaction, and record the result.

An email is claimed in a transaction that is committed before the provider is called, so it stays claimed if the worker
dies. It is not resent automatically: after ``LEASE`` its delivery is unknown, until the provider's events or a person
settle it.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import get_connection
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import translation

from core import db
from core.languages import find_language
from mailings import rules, selectors
from mailings.contracts import (
    MAX_BATCH,
    BatchBackend,
    ClaimedMail,
    Content,
    MailingStatus,
    MailStatus,
    MailType,
    Outcome,
    RenderedMail,
    SendResult,
)
from mailings.models import Mail, Mailing
from mailings.services import planning, single_messages
from mailings.services.unsubscriptions import unsubscribe_url

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=15)  # longer than a worker needs for a batch
BUDGET = 50.0  # seconds of one run; the scheduler starts the next
MAX_REQUESTS = 100  # to find invalid addresses that the provider does not name
SMALL_BATCH = 50  # of backends for single messages

_NOT_ATTEMPTED = SendResult(Outcome.RETRY, "Waiting for the batch.")


@dataclass(frozen=True, slots=True)
class Batch:
    """Emails of one mailing that this worker has claimed."""

    id: uuid.UUID
    mailing: Mailing
    rows: Sequence[db.Row]


def send_due(*, at: datetime, budget: float = BUDGET) -> int:
    """Send due emails in batches, and return the number of accepted ones.

    It stops when none is due, the provider asks to wait, or the budget (seconds) is spent.
    """
    deadline = time.monotonic() + budget
    mark_abandoned_unknown(at=at)
    accepted = 0
    while time.monotonic() < deadline:
        mailing = selectors.get_next_mailing(at=at)
        batch = mailing and _claim(mailing, at)
        if not batch:
            break
        sent, can_continue = _send(batch, at)
        accepted += sent
        if not can_continue:
            break
    db.execute("mailings/sql/finish_mailings.sql", {})
    return accepted


def mark_abandoned_unknown(*, at: datetime) -> int:
    """Set the status of emails whose worker died while sending to unknown, and return their number."""
    abandoned = Mail.objects.filter(status=MailStatus.SENDING, claimed_at__lt=at - LEASE)
    count = abandoned.update(status=MailStatus.UNKNOWN, error="Worker stopped while sending; delivery unknown.")
    if count:
        log.warning("mails_delivery_unknown", mails=count)
    return count


def resend(*, mail_ids: Sequence[int], at: datetime) -> int:
    """Send failed emails and those of unknown delivery again, and return their number."""
    return _plan_again(Mail.objects.filter(pk__in=mail_ids, status__in=[MailStatus.FAILED, MailStatus.UNKNOWN]), at)


def resend_suppressed(*, mailing: Mailing, at: datetime) -> int:
    """Plan the suppressed emails of a mailing again, in chunks, and return their number.

    They weren't sent, for example because their offer was paused. Those that still shouldn't be sent are suppressed
    again.
    """
    total, last = 0, 0
    suppressed = Mail.objects.filter(mailing=mailing, status=MailStatus.SUPPRESSED).order_by("pk")
    while ids := list(suppressed.filter(pk__gt=last).values_list("pk", flat=True)[: planning.CHUNK]):
        last = ids[-1]
        total += _plan_again(suppressed.filter(pk__in=ids), at)
    return total


@transaction.atomic
def _plan_again(mails: QuerySet[Mail], at: datetime) -> int:
    """Plan emails again and reopen their mailings. Return the number of emails."""
    mailings = list(mails.order_by().values_list("mailing", flat=True).distinct())
    Mailing.objects.filter(pk__in=mailings, status=MailingStatus.DONE).update(status=MailingStatus.SENDING)
    return mails.order_by().update(
        status=MailStatus.PLANNED, due_at=at, attempts=0, batch=None, claimed_at=None, error=""
    )


def _batch_size() -> int:
    return MAX_BATCH if isinstance(get_connection(), BatchBackend) else SMALL_BATCH


def _claim(mailing: Mailing, at: datetime) -> Batch | None:
    """Claim the next batch and commit. Return None if other workers have claimed all due emails."""
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
    """Send a claimed batch. Return the number of accepted emails, and whether to continue with other batches."""
    try:
        parts = _render(batch, at)
    except Exception as error:  # (retry these emails later; continue with other mailings)
        log.exception("mail_build_failed", mailing=batch.mailing.key)
        _record_result(
            batch,
            [row["id"] for row in batch.rows],
            SendResult(Outcome.RETRY, f"{type(error).__name__}: {error}"[:500]),
            at,
        )
        return 0, True
    accepted, can_continue = 0, True
    for content, mails in parts:
        if can_continue:
            sent, can_continue = _send_part(batch, content, mails, at)
            accepted += sent
        else:
            _record_result(batch, [mail.id for mail in mails], _NOT_ATTEMPTED, at)
    return accepted, can_continue


def _send_part(batch: Batch, content: Content, mails: list[RenderedMail], at: datetime) -> tuple[int, bool]:
    """Send the emails of a batch in one language."""
    connection = get_connection()
    if isinstance(connection, BatchBackend):
        return _send_in_parts(batch, connection, content, mails, at)
    return single_messages.send_messages(
        connection, content, mails, lambda ids, result: _record_result(batch, ids, result, at)
    )


def _render(batch: Batch, at: datetime) -> list[tuple[Content, list[RenderedMail]]]:
    """Return the content in each language with its emails; suppress those that should no longer be sent."""
    mail_type, parts = selectors.get_mail_type(batch.mailing), []
    languages = _read_languages(mail_type, batch)
    for language in sorted(set(languages.values())):
        with translation.override(language):
            content = mail_type.build(key=batch.mailing.key, data=batch.mailing.data, at=at)
            if content is not None:
                rows = [row for row in batch.rows if languages.get(row["id"]) == language]
                parts.append((content, [_to_rendered_mail(batch.mailing, content, row) for row in rows]))
    rendered = {mail.id for _content, mails in parts for mail in mails}
    others = [row["id"] for row in batch.rows if row["id"] not in rendered]
    if others:
        _claimed_rows(batch, others).update(
            status=MailStatus.SUPPRESSED, error="Recipient unsubscribed before sending."
        )
    return parts


def _read_languages(mail_type: MailType, batch: Batch) -> dict[int, str]:
    """Return the language of each email that should still be sent, by its ID."""
    claimed = [ClaimedMail(row["id"], row["recipient"], row["word"]) for row in batch.rows]
    read = mail_type.read_languages
    tags = (
        dict.fromkeys((mail.id for mail in claimed), "")
        if read is None
        else read(sender=batch.mailing.sender, mails=claimed)
    )
    return {mail_id: find_language(tag) or settings.LANGUAGE_CODE for mail_id, tag in tags.items()}


def _to_rendered_mail(mailing: Mailing, content: Content, row: db.Row) -> RenderedMail:
    url = unsubscribe_url(mail_id=row["id"]) if mailing.marketing else ""
    return RenderedMail(row["id"], row["address"], row["name"], url, content.format_personal_text(row["word"]))


def _send_in_parts(
    batch: Batch, connection: BatchBackend, content: Content, mails: list[RenderedMail], at: datetime
) -> tuple[int, bool]:
    """Send a batch, in as many requests as it takes to isolate invalid addresses."""
    parts, accepted, requests, can_continue = [mails], 0, 0, True
    while parts:
        part = parts.pop()
        result = connection.send_batch(content=content, mails=part) if can_continue else _NOT_ATTEMPTED
        requests += 1
        if result.outcome is Outcome.REJECTED and len(part) > 1:
            parts += _split(batch, part, result, at)
            can_continue = requests < MAX_REQUESTS
            continue
        _record_result(batch, [mail.id for mail in part], result, at)
        accepted += len(part) if result.outcome is Outcome.ACCEPTED else 0
        can_continue = can_continue and result.outcome in (Outcome.ACCEPTED, Outcome.REJECTED)
    return accepted, can_continue


def _split(batch: Batch, part: list[RenderedMail], result: SendResult, at: datetime) -> list[list[RenderedMail]]:
    """Return the parts to send after a rejection: all but the named recipients, or two halves."""
    if not result.failed_indexes:
        return [part[len(part) // 2 :], part[: len(part) // 2]]
    _record_result(batch, [mail.id for index, mail in enumerate(part) if index in result.failed_indexes], result, at)
    others = [mail for index, mail in enumerate(part) if index not in result.failed_indexes]
    return [others] if others else []


def _claimed_rows(batch: Batch, ids: Sequence[int]) -> QuerySet[Mail]:
    """Return the claimed emails without a final status; a slow worker may still settle unknown ones."""
    return Mail.objects.filter(pk__in=ids, batch=batch.id, status__in=[MailStatus.SENDING, MailStatus.UNKNOWN])


def _record_result(batch: Batch, ids: Sequence[int], result: SendResult, at: datetime) -> None:
    """Record the result of an attempt."""
    mails = _claimed_rows(batch, ids)
    attempts = max((row["attempts"] for row in batch.rows), default=1)
    if result.outcome is Outcome.ACCEPTED:
        mails.update(status=MailStatus.SENT, sent_at=Now(), message_id=result.message_id, error="")
        return
    log.warning(
        "mails_not_accepted",
        mailing=batch.mailing.key,
        mails=len(ids),
        outcome=result.outcome.value,
        error=result.error,
    )
    if result.outcome is Outcome.UNKNOWN:
        mails.update(status=MailStatus.UNKNOWN, error=result.error)
    elif result.outcome is Outcome.REJECTED or attempts >= rules.MAX_ATTEMPTS:
        mails.update(status=MailStatus.FAILED, error=result.error)
    else:
        wait = max(rules.retry_delay(attempts), timedelta(seconds=result.wait))
        mails.update(status=MailStatus.PLANNED, due_at=at + wait, error=result.error)
