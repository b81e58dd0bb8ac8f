"""Planning: whom a mailing goes to, written down before anything is sent."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from core import db
from core.outbox import enqueue_on_commit
from mailings.contracts import MailingStatus, Recipient
from mailings.models import Mailing

CHUNK = 10_000  # recipients that one statement plans


def plan(
    *,
    key: str,
    kind: str,
    sender: str = "",
    sender_name: str = "",
    marketing: bool = False,
    data: Mapping[str, Any] | None = None,
) -> Mailing:
    """The mailing that announces ``key``: made now, or the one that is there already, as it is."""
    fields = {
        "kind": kind,
        "sender": sender,
        "sender_name": sender_name[:100],
        "marketing": marketing,
        "data": dict(data or {}),
    }
    return Mailing.objects.get_or_create(key=key, defaults=fields)[0]


def lock_planning(*, mailing_id: uuid.UUID) -> Mailing | None:
    """The mailing, locked against other planners until the transaction ends; None once it is planned to the end."""
    return Mailing.objects.select_for_update().filter(pk=mailing_id, status=MailingStatus.PLANNING).first()


def add_recipients(
    *, mailing: Mailing, recipients: Sequence[Recipient], at: datetime, cursor: int | None = None
) -> int:
    """Plan a mail to each of up to ``CHUNK`` recipients who has none, and remember how far planning is; how many are
    new.
    """
    columns = list(zip(*recipients, strict=True)) or [(), (), (), ()]
    params = {
        "mailing": mailing.pk,
        "at": at,
        "recipients": list(columns[0]),
        "addresses": list(columns[1]),
        "names": list(columns[2]),
        "words": list(columns[3]),
    }
    added = db.execute("mailings/sql/add_recipients.sql", params)
    if cursor is not None:
        mailing.plan_cursor = cursor
        mailing.save(update_fields=["plan_cursor"])
    return added


def finish_planning(*, mailing: Mailing) -> None:
    """Nobody else will be planned: the mailing is done as soon as its mails are."""
    Mailing.objects.filter(pk=mailing.pk, status=MailingStatus.PLANNING).update(status=MailingStatus.SENDING)
    enqueue_on_commit("mail.send_due")


@transaction.atomic
def create_transactional_mailing(
    *,
    key: str,
    kind: str,
    recipients: Sequence[Recipient],
    at: datetime,
    data: Mapping[str, Any] | None = None,
    sender: str = "",
    sender_name: str = "",
) -> bool:
    """Plan a whole mailing that people wait for, to a few recipients; whether it was planned now and not before."""
    fields = {"kind": kind, "sender": sender, "sender_name": sender_name[:100], "data": dict(data or {})}
    mailing, made = Mailing.objects.get_or_create(key=key, defaults=fields)
    if made:
        add_recipients(mailing=mailing, recipients=recipients, at=at)
        finish_planning(mailing=mailing)
    return made
