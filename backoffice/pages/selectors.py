"""Queries of the dashboard over the kinds of offers and the platform's own tables."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import Count, Model, Q, QuerySet, Sum

from checkout.models import Redemption
from coupons.models import CouponDefinition
from discounts.models import DiscountCode
from mailings.contracts import MailStatus
from mailings.models import Mail
from promotions.models import Promotion
from redemptions.lifecycle import status_condition
from redemptions.statuses import OfferStatus, RedemptionStatus
from segments.models import Segment
from segments.models import State as SegmentState
from vouchers.models import Campaign

Row = TypeVar("Row", bound=Model)
BrandIds = Collection[Any] | None  # None for all brands


@dataclass(frozen=True, slots=True)
class ActiveObjects:
    """The numbers of active and upcoming objects of each kind."""

    promotions: int
    upcoming_promotions: int
    segments: int
    segment_members: int
    coupons: int
    upcoming_coupons: int
    campaigns: int
    vouchers_issued: int
    vouchers_total: int


def count_active_codes(*, brand_ids: BrandIds, at: datetime, limit: int) -> int:
    """Return the number of discount codes that can be redeemed now, counted up to ``limit`` + 1."""
    codes = _of_brands(DiscountCode, brand_ids).filter(status_condition(OfferStatus.ACTIVE, at))
    return len(codes.values_list("pk")[: limit + 1])


def count_open_reservations(*, brand_ids: BrandIds, at: datetime) -> int:
    """Return the number of checkout redemptions that are reserved now."""
    rows = Redemption.objects.filter(status=RedemptionStatus.RESERVED, expires_at__gt=at)
    if brand_ids is not None:
        rows = rows.filter(Q(brand__in=brand_ids) | Q(brand=None, items__brand__in=brand_ids)).distinct()
    return rows.count()


def count_active_objects(*, brand_ids: BrandIds, at: datetime, upcoming: timedelta) -> ActiveObjects:
    """Return the numbers of active objects, and of those that start within the time ``upcoming``."""
    is_active = status_condition(OfferStatus.ACTIVE, at)
    is_upcoming = status_condition(OfferStatus.SCHEDULED, at) & Q(start_date__lte=at + upcoming)
    promotions = _of_brands(Promotion, brand_ids)
    coupons = _of_brands(CouponDefinition, brand_ids)
    segments = _of_brands(Segment, brand_ids).filter(state=SegmentState.ACTIVE)
    campaigns = _of_brands(Campaign, brand_ids).filter(is_active)
    vouchers = campaigns.aggregate(issued=Sum("counter__issued"), total=Sum("counter__quota"))
    return ActiveObjects(
        promotions=promotions.filter(is_active).count(),
        upcoming_promotions=promotions.filter(is_upcoming).count(),
        segments=segments.count(),
        segment_members=segments.aggregate(total=Sum("members_count"))["total"] or 0,
        coupons=coupons.filter(is_active).count(),
        upcoming_coupons=coupons.filter(is_upcoming).count(),
        campaigns=campaigns.count(),
        vouchers_issued=vouchers["issued"] or 0,
        vouchers_total=vouchers["total"] or 0,
    )


def count_failed_mails(*, since: datetime) -> dict[str, int]:
    """Return the numbers of emails of recent mailings that failed or whose delivery is unknown, by status."""
    mails = Mail.objects.filter(status__in=(MailStatus.UNKNOWN, MailStatus.FAILED), mailing__created_at__gt=since)
    return dict(mails.values_list("status").annotate(mails=Count("pk")).order_by())


def _of_brands(model: type[Row], brand_ids: BrandIds) -> QuerySet[Row]:
    rows = model._default_manager.all()  # noqa: SLF001  (the documented name of a model's manager)
    return rows if brand_ids is None else rows.filter(brand__in=brand_ids)
