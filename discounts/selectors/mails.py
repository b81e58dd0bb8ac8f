"""Reads of the emails about discount codes: recipients and progress of announcements, usage digests."""

import uuid
from datetime import datetime

from django.db.models import Exists, OuterRef, TextField, Value
from django.db.models.functions import Cast, Concat

from accounts.models import Customer
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


def iter_recipients(*, brand_id: uuid.UUID, audience: str, after: int, limit: int) -> list[tuple[int, int, str, str]]:
    """Return the next shoppers with a verified address who subscribed to marketing emails, in a stable order.

    ``audience`` limits them to its members. Each item is ``(cursor, customer key, email, name)``; the last cursor is
    the next ``after``.
    """
    consent = {
        "user__is_active": True, "user__marketing_consent": True, "user__email_verified_at__isnull": False,
    }  # fmt: skip
    if not audience:
        shoppers = Customer.objects.filter(user_id__gt=after, **consent).exclude(user__email="").order_by("user_id")
        return list(shoppers.values_list("user_id", "pk", "user__email", "user__username")[:limit])
    members = AudienceMember.objects.filter(
        audience__brand_id=brand_id,
        audience__segment_type=audience,
        customer_id__gt=after,
        **{f"customer__{name}": value for name, value in consent.items()},
    ).exclude(customer__user__email="")
    columns = ("customer_id", "customer_id", "customer__user__email", "customer__user__username")
    return list(members.order_by("customer_id").values_list(*columns)[:limit])
