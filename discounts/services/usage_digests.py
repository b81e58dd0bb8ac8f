"""Usage digests: emails that inform brands about redemptions of their codes, at most one a minute."""

from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.contracts import Role
from accounts.models import Brand
from accounts.selectors import members_of
from core import db
from discounts import emails, selectors
from discounts.models import UsageNotification
from mailings.contracts import Recipient
from mailings.services import planning

log = structlog.get_logger(__name__)

MAX_LINES = 50  # rows of a digest; it counts the other codes
MAX_NOTIFICATIONS = 50_000  # per digest; the next digest takes the rest


def send_usage_digests(*, at: datetime) -> int:
    """Plan a digest for each brand with pending notifications and none within this minute. Return their number."""
    brands = Brand.objects.filter(Exists(UsageNotification.objects.filter(brand=OuterRef("pk"))))
    return sum(_send_digest(brand, at) for brand in brands.order_by("pk"))


@transaction.atomic
def _send_digest(brand: Brand, at: datetime) -> bool:
    """Delete the brand's notifications and plan their digest in one transaction. Return whether it was planned."""
    rows = db.fetch_all("discounts/sql/claim_notifications.sql", {"brand": brand.pk, "limit": MAX_NOTIFICATIONS})
    if not rows:
        return False
    recipients = _recipients(brand)
    if not recipients:
        log.warning("digest_without_recipients", brand=brand.slug, redemptions=sum(row["uses"] for row in rows))
        return False
    planned = planning.create_transactional_mailing(
        key=f"{selectors.digest_key_prefix(brand.pk)}{at:%Y-%m-%dT%H:%M}",
        mail_type=emails.USAGE_DIGEST,
        recipients=recipients,
        at=at,
        sender=str(brand.pk),
        sender_name=brand.name,
        data=_digest(brand, rows),
    )
    if not planned:  # a digest was sent within this minute: keep the notifications for the next one
        transaction.set_rollback(True)
    return planned


def _recipients(brand: Brand) -> list[Recipient]:
    if brand.notify_email:
        return [Recipient(0, brand.notify_email, brand.name)]
    owners = members_of(brand).filter(role=Role.OWNER, user__is_active=True).exclude(user__email="")
    return [Recipient(owner.user.pk, owner.user.email, owner.user.username) for owner in owners]


def _digest(brand: Brand, rows: list[db.Row]) -> dict[str, Any]:
    lines = [{**row, "first": row["first"].isoformat(), "last": row["last"].isoformat()} for row in rows[:MAX_LINES]]
    return {
        "brand": str(brand.pk), "lines": lines, "more": max(0, len(rows) - MAX_LINES),
        "total": sum(row["uses"] for row in rows),
    }  # fmt: skip
