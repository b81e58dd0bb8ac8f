"""Planning of mailings: all recipients are stored before an email is sent."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from core import db
from core.outbox import enqueue_on_commit
from mailings.contracts import MailingStatus, Recipient
from mailings.models import Mailing

CHUNK = 10_000  # recipients per statement


def plan_mailing(
    *,
    key: str,
    mail_type: str,
    sender: str = "",
    sender_name: str = "",
    marketing: bool = False,
    data: Mapping[str, Any] | None = None,
) -> Mailing:
    """Return the mailing with the key, and create it if there is none."""
    fields = {
        "mail_type": mail_type,
        "sender": sender,
        "sender_name": sender_name[:100],
        "marketing": marketing,
        "data": dict(data or {}),
    }
    return Mailing.objects.get_or_create(key=key, defaults=fields)[0]


def lock_planning(*, mailing_id: uuid.UUID) -> Mailing | None:
    """Lock a mailing against other planners until the transaction ends. Return None once it is fully planned."""
    return Mailing.objects.select_for_update().filter(pk=mailing_id, status=MailingStatus.PLANNING).first()


def add_recipients(
    *,
    mailing: Mailing,
    recipients: Sequence[Recipient],
    at: datetime,
    cursor: int | None = None,
    replan_suppressed: bool = False,
) -> int:
    """Plan an email to up to ``CHUNK`` recipients who have none yet, and return the number of new ones.

    ``cursor`` is stored as the progress of planning. With ``replan_suppressed``, also plans emails again that were
    suppressed, for example because their offer was paused when they were due.
    """
    columns = list(zip(*recipients, strict=True)) or [(), (), (), ()]
    params = {
        "mailing": mailing.pk,
        "at": at,
        "recipients": list(columns[0]),
        "addresses": list(columns[1]),
        "names": list(columns[2]),
        "personal_texts": list(columns[3]),
    }
    added = db.execute("mailings/sql/replan_suppressed.sql", params) if replan_suppressed else 0
    added += db.execute("mailings/sql/add_recipients.sql", params)
    if cursor is not None:
        mailing.plan_cursor = cursor
        mailing.save(update_fields=["plan_cursor"])
    return added


def finish_planning(*, mailing: Mailing) -> None:
    """Finish planning, so that the mailing is completed when all its emails are sent."""
    Mailing.objects.filter(pk=mailing.pk, status=MailingStatus.PLANNING).update(status=MailingStatus.SENDING)
    enqueue_on_commit("mailings.send_due")


@transaction.atomic
def create_transactional_mailing(
    *,
    key: str,
    mail_type: str,
    recipients: Sequence[Recipient],
    at: datetime,
    data: Mapping[str, Any] | None = None,
    sender: str = "",
    sender_name: str = "",
) -> bool:
    """Plan a whole transactional mailing to a few recipients. Return False if it was planned before."""
    fields = {"mail_type": mail_type, "sender": sender, "sender_name": sender_name[:100], "data": dict(data or {})}
    mailing, is_new = Mailing.objects.get_or_create(key=key, defaults=fields)
    if is_new:
        add_recipients(mailing=mailing, recipients=recipients, at=at)
        finish_planning(mailing=mailing)
    return is_new
