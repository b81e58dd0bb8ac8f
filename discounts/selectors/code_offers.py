"""What codes need to know about discount codes."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from discounts.models import DiscountCode
from redemptions.contracts import CodeOffer, CodeStatus
from redemptions.errors import InvalidStatus
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
            is_live=code.brand.is_active and code.status_at(at) in UPCOMING_OR_ACTIVE,
            error=InvalidStatus(_("A discount code has no other codes.")),
            url=reverse("admin:discounts_discountcode_change", args=[code.pk]),
            is_code=True,
        )
        for code in codes
    }


def get_code_statuses(*, offer: uuid.UUID, codes: Collection[str], at: datetime) -> Mapping[str, CodeStatus]:
    """Return no status: every customer can redeem a discount code once."""
    return {}
