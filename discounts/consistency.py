"""Consistency check of discount codes and their redemptions."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from discounts.models import DiscountCode, Usage, UsageReturn
from redemptions.codes.models import Code

KIND = "discount_code"
GRACE = timedelta(minutes=10)  # expired reservations are normally released within a minute


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line per difference. ``repair`` deletes reservations that expired long ago."""
    stale = Usage.objects.filter(reserved_until__lt=at - GRACE)
    for usage in stale.order_by("code_id", "customer_id").iterator():
        repaired = repair and bool(stale.filter(code_id=usage.code_id, customer_id=usage.customer_id).delete()[0])
        line = f"redemption {usage.pk}: reserved until {usage.reserved_until:%Y-%m-%dT%H:%MZ}"
        yield f"{line}: released" if repaired else line
    for usage in Usage.objects.filter(Exists(UsageReturn.objects.filter(pk=OuterRef("pk")))).iterator():
        yield f"redemption {usage.pk}: active and returned"
    registered = Code.objects.filter(
        offer=OuterRef("offer_id"), kind=KIND, brand=OuterRef("brand"), text=OuterRef("code")
    )
    for code in DiscountCode.objects.filter(~Exists(registered)).iterator():
        yield f"discount code {code.pk}: {code.code} is not registered for this kind and brand"
