"""What codes need to know about discount codes."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

from django.urls import reverse

from discounts.models import DiscountCode
from redemptions.contracts import CodeOffer
from redemptions.statuses import UPCOMING_OR_ACTIVE


def describe_code_offers(*, offers: Collection[uuid.UUID], at: datetime) -> Mapping[uuid.UUID, CodeOffer]:
    """Return the discount codes with these IDs as ``CodeBackend.describe_code_offers`` describes them."""
    codes = DiscountCode.objects.select_related("brand", "rule__brand").filter(offer_id__in=offers)
    return {
        code.offer_id: CodeOffer(
            id=code.offer_id,
            brand_id=code.brand_id,
            name=str(code.rule),
            description="",
            start_date=code.start_date,
            end_date=code.end_date,
            status=code.status_at(at),
            is_live=code.brand.is_active and code.status_at(at) in UPCOMING_OR_ACTIVE,
            url=reverse("admin:discounts_discountcode_change", args=[code.pk]),
        )
        for code in codes
    }
