"""Telling brands about uses of their codes: a digest, at most one a minute."""

from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.contracts import Role
from accounts.models import Brand
from accounts.selectors import members_of
from core import db
from discounts import emails
from discounts.models import UsageNotification
from mailings.contracts import Recipient
from mailings.services import planning

log = structlog.get_logger(__name__)

LINES = 50  # codes that a digest lists; it counts the others
MAX_NOTIFICATIONS = 50_000  # uses that one digest sums up; the next minute's takes more


def send_usage_digests(*, at: datetime) -> int:
    """Plan a digest for each brand with untold uses that was not told within this minute; how many brands."""
    waiting = Brand.objects.filter(Exists(UsageNotification.objects.filter(brand=OuterRef("pk"))))
    return sum(_send_digest(brand, at) for brand in waiting.order_by("pk"))


@transaction.atomic
def _send_digest(brand: Brand, at: datetime) -> bool:
    """Take the brand's notices and plan their digest, both or neither."""
    rows = db.fetch_all("discounts/sql/claim_notifications.sql", {"brand": brand.pk, "limit": MAX_NOTIFICATIONS})
    if not rows:
        return False
    recipients = _recipients(brand)
    if not recipients:
        log.warning("nobody_to_tell", brand=brand.slug, uses=sum(row["uses"] for row in rows))
        return False
    planned = planning.create_transactional_mailing(
        key=f"discount_uses:{brand.pk}:{at:%Y-%m-%dT%H:%M}", kind=emails.USAGE_DIGEST, recipients=recipients, at=at,
        sender=str(brand.pk), sender_name=brand.name, data=_digest(brand, rows),
    )  # fmt: skip
    if not planned:  # told within this minute: the notices stay for the next
        transaction.set_rollback(True)
    return planned


def _recipients(brand: Brand) -> list[Recipient]:
    if brand.notify_email:
        return [Recipient(0, brand.notify_email, brand.name)]
    owners = members_of(brand).filter(role=Role.OWNER, user__is_active=True).exclude(user__email="")
    return [Recipient(owner.user.pk, owner.user.email, owner.user.username) for owner in owners]


def _digest(brand: Brand, rows: list[db.Row]) -> dict[str, Any]:
    lines = [{**row, "first": row["first"].isoformat(), "last": row["last"].isoformat()} for row in rows[:LINES]]
    return {
        "brand": str(brand.pk), "lines": lines, "more": max(0, len(rows) - LINES),
        "total": sum(row["uses"] for row in rows),
    }  # fmt: skip
