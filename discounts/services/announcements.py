"""Announcing a code to the brand's shoppers: everyone who agreed to it, once."""

from datetime import datetime

from django.db import transaction

from discounts import emails, selectors
from discounts.models import DiscountCode
from mailings.contracts import MailingStatus, Recipient
from mailings.models import Mailing
from mailings.services import planning


def announce(*, code: str, at: datetime) -> None:
    """Plan a mail to each consenting shopper, in chunks of their own transactions; one that was cut short goes on where
    it stopped.

    A rule for an audience is announced to that audience only, as the rule was when planning began.
    """
    found = selectors.codes().filter(code=code, is_active=True, notify=True, validity__gt=at).first()
    if found is None:
        return
    mailing = _mailing(found)
    while mailing.status == MailingStatus.PLANNING and _plan_chunk(mailing, found, at):
        pass


def _mailing(code: DiscountCode) -> Mailing:
    return planning.plan(
        key=selectors.mailing_key(code), kind=emails.ANNOUNCEMENT, marketing=True,
        sender=str(code.brand_id), sender_name=code.brand.name,
        data={"code": code.code_id, "audience": code.rule.audience},
    )  # fmt: skip


@transaction.atomic
def _plan_chunk(mailing: Mailing, code: DiscountCode, at: datetime) -> bool:
    """Plan the next shoppers; whether there may be more."""
    locked = planning.lock_planning(mailing_id=mailing.pk)
    if locked is None:
        return False
    addressees = selectors.iter_recipients(
        brand_id=code.brand_id, audience=locked.data["audience"], after=locked.plan_cursor, limit=planning.CHUNK
    )
    if not addressees:
        planning.finish_planning(mailing=locked)
        return False
    recipients = [Recipient(customer, email, name) for _, customer, email, name in addressees]
    planning.add_recipients(mailing=locked, recipients=recipients, at=at, cursor=addressees[-1][0])
    return True
