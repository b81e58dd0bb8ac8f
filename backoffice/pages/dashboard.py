"""The first page: how the user's brands do today, and for platform admins how the platform does."""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Count, Model, Q, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Brand
from backoffice.base.admin import list_brand_ids
from backoffice.base.charts import build_daily_chart
from backoffice.base.formatting import format_capped_count, format_totals, local_date
from backoffice.pages import sync_jobs
from checkout.models import Redemption, Status
from core import health, outbox
from core.permissions import BrandPermissions
from coupons.models import CouponDefinition
from discounts.admin.redemptions import to_row
from discounts.models import DiscountCode
from discounts.selectors import statistics
from mailings.contracts import MailStatus
from mailings.models import Mail
from promotions.models import Promotion
from promotions.models import Status as PromotionStatus
from segments.models import Segment
from segments.models import State as SegmentState
from vouchers.models import Campaign, CampaignStatus

RECENT_LIMIT = 8
UPCOMING_WINDOW = timedelta(days=7)
Row = TypeVar("Row", bound=Model)
COUNT_LIMIT = 10_000
MAX_BRANDS = 50  # whose latest uses are looked for, on a platform admin's page


def add_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What ``admin/index.html`` shows (``UNFOLD["DASHBOARD_CALLBACK"]``)."""
    keys = list_brand_ids(request, BrandPermissions.READ)
    brands = list(Brand.objects.filter(pk__in=keys)) if keys is not None else None
    zone = brands[0].timezone if brands and len({brand.timezone for brand in brands}) == 1 else "UTC"
    now = timezone.now()
    day = local_date(now, zone)
    days = statistics.by_day(brands=keys, zone=zone, at=now)
    newest = (
        keys
        if keys is not None
        else list(Brand.objects.filter(is_active=True).values_list("pk", flat=True)[:MAX_BRANDS])
    )
    latest = statistics.recent(
        statistics.RedemptionQuery(newest, since=now - timedelta(days=statistics.DAYS)), limit=RECENT_LIMIT
    )
    return context | {
        "title": "Dashboard",
        "whose": ", ".join(brand.name for brand in brands) if brands is not None else "All brands",
        "zone": zone,
        "several": brands is None or len(brands) > 1,
        "cards": [
            ("Active codes", format_capped_count(_active_codes(keys), COUNT_LIMIT), "can be used now"),
            ("Uses today", f"{days.redemptions[day]:,}", f"{days.redemptions[day - timedelta(days=1)]:,} yesterday"),
            ("Given today", format_totals(days.discount_since(day)), "discount, by final uses"),
            (
                "Given in 7 days",
                format_totals(days.discount_since(day - timedelta(days=6))),
                "with today",
            ),
            ("Reserved now", f"{_reservations(keys):,}", "not paid yet"),
        ],
        "running": _running(keys, now),
        "chart": build_daily_chart(days.redemptions, last=day, days=statistics.DAYS, unit="uses"),
        "rows": [to_row(row, zone=zone) for row in latest],
        "uses_url": reverse("admin:discounts_usage_changelist"),
        "make_url": reverse("admin:discounts_discountcode_add") if _can_create_code(request) else None,
        "health": _health() if request.user.is_superuser else None,
    }


def _running(brands: list[Any] | None, at: datetime) -> list[tuple[str, str, str, str]]:
    """What runs now: name, how many, what comes next or what it holds, and where to look."""
    current = {"start_date__lte": at, "end_date__gt": at}
    upcoming = {"start_date__gt": at, "start_date__lte": at + UPCOMING_WINDOW}
    promotions, segments = _for_brands(brands, Promotion), _for_brands(brands, Segment)
    coupons, campaigns = _for_brands(brands, CouponDefinition).filter(is_active=True), _for_brands(brands, Campaign)
    active_campaigns = campaigns.filter(status=CampaignStatus.OPEN, start_date__lte=at, end_date__gt=at)
    issued = active_campaigns.aggregate(given=Sum("counter__issued"), of=Sum("counter__quota"))
    active_segments = segments.filter(state=SegmentState.ACTIVE)
    return [
        (
            "Promotions",
            f"{promotions.filter(status=PromotionStatus.ACTIVE).count():,}",
            f"{promotions.filter(status=PromotionStatus.SCHEDULED, **upcoming).count():,} start within 7 days",
            reverse("admin:promotions_promotion_changelist"),
        ),
        (
            "Segments",
            f"{active_segments.count():,}",
            f"{active_segments.aggregate(members=Sum('members_count'))['members'] or 0:,} customers in them",
            reverse("admin:segments_segment_changelist"),
        ),
        (
            "Coupons",
            f"{coupons.filter(**current).count():,}",
            f"{coupons.filter(**upcoming).count():,} start within 7 days",
            reverse("admin:coupons_coupondefinition_changelist"),
        ),
        (
            "First-login campaigns",
            f"{active_campaigns.count():,}",
            f"{issued['given'] or 0:,} of {issued['of'] or 0:,} vouchers given",
            reverse("admin:vouchers_campaign_changelist"),
        ),
    ]


def _for_brands(brands: list[Any] | None, model: type[Row]) -> QuerySet[Row]:
    """The rows of these brands; all, when none are named."""
    rows = model._default_manager.all()  # noqa: SLF001  (the one that a model without a name for it has)
    return rows if brands is None else rows.filter(brand__in=brands)


def _can_create_code(request: HttpRequest) -> bool:
    brands = list_brand_ids(request, BrandPermissions.EDIT)
    return brands is None or bool(brands)


def _active_codes(brands: list[Any] | None) -> int:
    rows = DiscountCode.objects.filter(is_active=True, validity__gt=timezone.now())
    if brands is not None:
        rows = rows.filter(brand__in=brands)
    return len(rows.values_list("pk")[: COUNT_LIMIT + 1])


def _reservations(brands: list[Any] | None) -> int:
    rows = Redemption.objects.filter(status=Status.RESERVED, expires_at__gt=timezone.now())
    if brands is not None:
        rows = rows.filter(Q(brand__in=brands) | Q(brand=None, items__brand__in=brands)).distinct()
    return rows.count()


def _health() -> list[tuple[str, str, str, bool]]:
    """Of the machinery: name, value, what it means, whether someone should look."""
    backlog = outbox.get_backlog()
    beat = health.seconds_since_heartbeat()
    states = (MailStatus.UNKNOWN, MailStatus.FAILED)
    mails = Mail.objects.filter(status__in=states, mailing__created_at__gt=timezone.now() - timedelta(days=7))
    counts = dict(mails.values_list("status").annotate(mails=Count("pk")).order_by())
    is_late = backlog["oldest"] is not None and timezone.now() - backlog["oldest"] > timedelta(minutes=5)
    return [
        ("Promised tasks", f"{backlog['waiting']:,}", "waiting; the oldest is late" if is_late else "waiting", is_late),
        ("Parked tasks", f"{backlog['parked']:,}", "failed too often", backlog["parked"] > 0),
        (
            "Beat",
            "silent" if beat is None else f"{beat} s ago",
            "last got a task through a worker",
            beat is None or beat > 3 * _heartbeat_interval(),
        ),
        (
            "Doubtful mails",
            f"{counts.get(MailStatus.UNKNOWN, 0):,}",
            "of the last 7 days: perhaps sent",
            counts.get(MailStatus.UNKNOWN, 0) > 0,
        ),
        *sync_jobs.health_cards(timezone.now()),
        ("Failed mails", f"{counts.get(MailStatus.FAILED, 0):,}", "of the last 7 days", False),
    ]


def _heartbeat_interval() -> float:
    return float(settings.CELERY_BEAT_SCHEDULE["record heartbeat"]["schedule"])  # type: ignore[arg-type]
