"""Announcements of codes by email to subscribed shoppers, once per shopper."""

import uuid
from datetime import datetime, timedelta

from django.db import transaction

from core.outbox import enqueue_on_commit
from discounts import emails, selectors
from discounts.models import DiscountCode
from mailings.contracts import MailingStatus, Recipient
from mailings.models import Mailing
from mailings.services import planning, sending

MAX_DELAY = timedelta(days=7)  # after which the start of a code is no news


def announce(*, offer_id: uuid.UUID, at: datetime) -> None:
    """Plan an email to each subscribed shopper. Each chunk has its own transaction, so that planning can be resumed.

    A code for an audience is announced to that audience only, as set when planning started. Repeating it emails those
    whose email was suppressed, for example because the code was paused. Does nothing for a code that customers can't
    redeem now.
    """
    discount_code = selectors.list_announced(at=at).filter(offer_id=offer_id).first()
    if discount_code is None:
        return
    mailing = _get_or_create_mailing(discount_code)
    if mailing.status != MailingStatus.PLANNING and sending.resend_suppressed(mailing=mailing, at=at):
        enqueue_on_commit("mailings.send_due")
    while mailing.status == MailingStatus.PLANNING and _plan_chunk(mailing, discount_code, at):
        pass


def announce_started(*, at: datetime) -> None:
    """Plan the emails about codes that have started on their own. Repeating this plans nothing twice."""
    for offer_id in selectors.list_unannounced(started_after=at - MAX_DELAY, at=at):
        announce(offer_id=offer_id, at=at)


def _get_or_create_mailing(code: DiscountCode) -> Mailing:
    return planning.plan_mailing(
        key=selectors.mailing_key(code), mail_type=emails.ANNOUNCEMENT, marketing=True,
        sender=str(code.brand_id), sender_name=code.brand.name,
        data={"offer": str(code.offer_id), "audience": code.rule.audience},
    )  # fmt: skip


@transaction.atomic
def _plan_chunk(mailing: Mailing, code: DiscountCode, at: datetime) -> bool:
    """Plan the emails of the next shoppers. Return whether there may be more."""
    locked = planning.lock_planning(mailing_id=mailing.pk)
    if locked is None:
        return False
    rows = selectors.iter_recipients(
        brand_id=code.brand_id, audience=locked.data["audience"], after=locked.plan_cursor, limit=planning.CHUNK
    )
    if not rows:
        planning.finish_planning(mailing=locked)
        return False
    recipients = [Recipient(customer, email, name) for _, customer, email, name in rows]
    planning.add_recipients(mailing=locked, recipients=recipients, at=at, cursor=rows[-1][0])
    return True
