"""What must hold among the rows of discount codes, counted again from the rows themselves."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef

from discounts.models import DiscountCode, Usage, UsageReturn

KIND = "discount_code"
GRACE = timedelta(minutes=10)  # expired holds are let go of within a minute when all is well


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """A line a difference; ``repair`` lets go of holds whose time is long up, which every taker does anyway."""
    stale = Usage.objects.filter(reserved_until__lt=at - GRACE)
    for usage in stale.order_by("code_id", "customer_id").iterator():
        mended = repair and bool(stale.filter(code_id=usage.code_id, customer_id=usage.customer_id).delete()[0])
        yield f"use {usage.pk}: held until {usage.reserved_until:%Y-%m-%dT%H:%MZ}" + (": let go" if mended else "")
    for usage in Usage.objects.filter(Exists(UsageReturn.objects.filter(pk=OuterRef("pk")))).iterator():
        yield f"use {usage.pk}: given back, and stands"
    for code in DiscountCode.objects.exclude(code__kind=KIND, code__brand=F("brand")).iterator():
        yield f"discount code {code.pk}: {code.code_id} means something else"
