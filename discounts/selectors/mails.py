"""Reads of the emails about discount codes: recipients and progress of announcements, usage digests."""

import uuid
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from accounts.selectors import list_subscribed
from discounts.models import DiscountCode
from discounts.selectors.codes import list_announced
from mailings import selectors as mail_selectors
from mailings.models import Mailing
from segments.models import AudienceMember


# --- announcements ---------------------------------------------------------------------------------------------------
def mailing_key(code: DiscountCode) -> str:
    """Return the key of the mailing that announces the code."""
    return f"discount_code:{code.offer_id}"


def announcement_progress(code: DiscountCode) -> dict[str, int]:
    """Return the number of emails that announce the code: ``{"planned", "sent", "failed"}``."""
    return mail_selectors.get_progress(key=mailing_key(code))


def list_unannounced(*, started_after: datetime, at: datetime) -> list[uuid.UUID]:
    """Return the offer IDs of active codes to announce that started since then and have no mailing, oldest first."""
    key = Concat(Value("discount_code:"), Cast(OuterRef("offer_id"), TextField()))
    codes = list_announced(at=at).filter(~Exists(Mailing.objects.filter(key=key)), start_date__gt=started_after)
    return list(codes.order_by("start_date").values_list("offer_id", flat=True))


def get_announcement(code: DiscountCode) -> Mailing | None:
    """Return the mailing that announces the code, or None."""
    return Mailing.objects.filter(key=mailing_key(code)).only("status").first()


def count_recipients(code: DiscountCode, *, limit: int) -> int:
    """Return the number of customers that the announcement of a code would reach now, counted up to ``limit``."""
    return _recipients(brand_id=code.brand_id, audience=code.rule.audience)[:limit].count()


def iter_recipients(*, brand_id: uuid.UUID, audience: str, after: int, limit: int) -> list[tuple[int, int, str, str]]:
    """Return the next customers who are subscribed to the brand's marketing emails, in a stable order.

    ``audience`` limits them to its members. Each item is ``(cursor, customer key, email, name)``; the last cursor is
    the next ``after``.
    """
    customers = _recipients(brand_id=brand_id, audience=audience).filter(pk__gt=after).order_by("pk")
    return list(customers.values_list("pk", "pk", "address", "salutation")[:limit])


def _recipients(*, brand_id: uuid.UUID, audience: str) -> QuerySet[Any]:
    customers = list_subscribed(brand_id=brand_id)
    if audience:
        members = AudienceMember.objects.filter(
            audience__brand_id=brand_id, audience__segment_type=audience, customer=OuterRef("pk")
        )
        customers = customers.filter(Exists(members))
    return customers
