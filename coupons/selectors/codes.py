"""Reads of coupons' codes, and what codes need to know about coupons."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse

from core import db
from coupons.models import CouponDefinition, RedeemedCode
from pricing import load_offer
from redemptions.contracts import CodeOffer, CodeStatus
from redemptions.statuses import UPCOMING_OR_ACTIVE
from redemptions.stored_values import find_stored_value

KIND = "coupon"


def redeemed_codes_of(
    *, coupon: uuid.UUID, codes: Collection[str], ids: Collection[uuid.UUID]
) -> QuerySet[RedeemedCode]:
    """Return those of a coupon's codes that these redemptions use."""
    return RedeemedCode.objects.filter(coupon=coupon, code__in=codes, redemption_id__in=ids)


def describe_code_offers(*, offers: Collection[uuid.UUID], at: datetime) -> Mapping[uuid.UUID, CodeOffer]:
    """Return the coupons with these IDs as ``CodeBackend.describe_code_offers`` describes them."""
    coupons = CouponDefinition.objects.select_related("brand").filter(pk__in=offers)
    return {
        coupon.pk: CodeOffer(
            id=coupon.pk,
            brand_id=coupon.brand_id,
            name=coupon.title,
            description="",
            start_date=coupon.start_date,
            end_date=coupon.end_date,
            status=coupon.status_at(at),
            is_live=coupon.brand.is_active and coupon.status_at(at) in UPCOMING_OR_ACTIVE,
            url=reverse("admin:coupons_coupondefinition_change", args=[coupon.pk]),
            stored_value=find_stored_value(load_offer(coupon.offer), currency=coupon.currency),
        )
        for coupon in coupons
    }


def get_code_statuses(*, offer: uuid.UUID, codes: Collection[str], at: datetime) -> Mapping[str, CodeStatus]:
    """Return the statuses of redeemed codes as ``CodeBackend.get_code_statuses`` describes them."""
    rows = db.fetch_all("coupons/sql/select_code_statuses.sql", {"coupon": offer, "codes": list(codes), "at": at})
    return {row["code"]: CodeStatus(row["status"]) for row in rows}
