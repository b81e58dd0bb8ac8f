"""Usage digests: emails that inform brands about redemptions of their codes, at most one a minute."""

from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import structlog
from django.db import transaction

from accounts.contracts import Role
from accounts.models import Brand
from accounts.selectors import members_of
from core import db
from discounts import emails
from mailings.contracts import Recipient
from mailings.services import planning
from redemptions.events.services import get_horizon, lock_reader

log = structlog.get_logger(__name__)

MAX_LINES = 50  # rows of a digest; it counts the other codes
READER = "usage digests"


@transaction.atomic
def send_usage_digests(*, at: datetime) -> int:
    """Plan a digest for each brand whose codes were redeemed since the last ones, unless these are of this minute.

    The position among the events moves in the same transaction, so each redemption is in one digest. Return the number
    of digests.
    """
    reader = lock_reader(READER)
    if reader is None:
        return 0
    position, reader.tx = reader.tx, get_horizon()
    with db.extended_timeouts("5min"):
        rows = db.fetch_all("discounts/sql/sum_redemptions.sql", {"tx": position, "until": reader.tx})
    reader.save(update_fields=["tx"])
    by_brand = {key: list(group) for key, group in groupby(rows, key=itemgetter("brand_id"))}
    brands = Brand.objects.in_bulk(by_brand)
    planned = [_plan_digest(brands[key], lines, at) for key, lines in by_brand.items()]
    if False in planned:  # a digest was sent within this minute: the next ones tell these redemptions
        transaction.set_rollback(True)
        return 0
    return sum(outcome is True for outcome in planned)


def _plan_digest(brand: Brand, rows: list[db.Row], at: datetime) -> bool | None:
    """Plan the digest of a brand. Return whether it was planned, or None if nobody wants it."""
    recipients = _recipients(brand)
    if not recipients:
        log.warning("digest_without_recipients", brand=brand.slug, redemptions=sum(row["uses"] for row in rows))
        return None
    return planning.create_transactional_mailing(
        key=f"discount_uses:{brand.pk}:{at:%Y-%m-%dT%H:%M}",
        mail_type=emails.USAGE_DIGEST,
        recipients=recipients,
        at=at,
        sender=str(brand.pk),
        sender_name=brand.name,
        data=_digest(brand, rows),
    )


def _recipients(brand: Brand) -> list[Recipient]:
    if brand.notify_email:
        return [Recipient(0, brand.notify_email, brand.name)]
    owners = members_of(brand).filter(role=Role.OWNER, user__is_active=True).exclude(user__email="")
    return [Recipient(owner.user.pk, owner.user.email, owner.user.username) for owner in owners]


def _digest(brand: Brand, rows: list[db.Row]) -> dict[str, Any]:
    lines = [
        {name: row[name] for name in ("code", "currency", "uses", "amount", "discount")}
        | {name: row[name].isoformat() for name in ("first", "last")}
        for row in rows[:MAX_LINES]
    ]
    return {
        "brand": str(brand.pk), "lines": lines, "more": max(0, len(rows) - MAX_LINES),
        "total": sum(row["uses"] for row in rows),
    }  # fmt: skip
