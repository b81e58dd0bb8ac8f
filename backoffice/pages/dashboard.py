"""The dashboard: figures of the user's brands, and for superusers the health of the platform."""

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Brand
from backoffice.base.admin import is_platform_admin, list_brand_ids
from backoffice.base.charts import build_daily_chart, describe_redemptions
from backoffice.base.formatting import format_capped_count, format_number, format_totals, local_date
from backoffice.pages import selectors, sync_jobs
from backoffice.pages.redemption_rows import build_row
from backoffice.pages.redemption_search import get_brand_names
from core import health, outbox
from core.permissions import BrandPermissions
from discounts.selectors import statistics
from mailings.contracts import MailStatus
from redemptions.search.contracts import UseFilter, UseStatus
from redemptions.search.selectors import find_uses

RECENT_LIMIT = 8
UPCOMING_WINDOW = timedelta(days=7)
MAIL_WINDOW = timedelta(days=7)
MAX_TASK_DELAY = timedelta(minutes=5)
COUNT_LIMIT = 10_000


def add_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the context of ``admin/index.html`` (``UNFOLD["DASHBOARD_CALLBACK"]``)."""
    brand_ids = list_brand_ids(request, BrandPermissions.READ)
    brands = list(Brand.objects.filter(pk__in=brand_ids)) if brand_ids is not None else None
    zone = brands[0].timezone if brands and len({brand.timezone for brand in brands}) == 1 else "UTC"
    now = timezone.now()
    today = local_date(now, zone)
    days = statistics.by_day(brands=brand_ids, zone=zone, at=now)
    recent = UseFilter(
        brands=None if brand_ids is None else tuple(brand_ids),
        statuses=tuple(status for status in UseStatus if status is not UseStatus.REJECTED),
        start=now - timedelta(days=statistics.DAYS),
    )
    names = get_brand_names(brand_ids)
    return context | {
        "title": _("Dashboard"),
        "brand_names": ", ".join(brand.name for brand in brands) if brands is not None else _("All brands"),
        "zone": zone,
        "with_brand": bool(names),
        "cards": _cards(brand_ids, days, today, now),
        "active_objects": _active_objects(brand_ids, now),
        "chart": build_daily_chart(days.redemptions, last=today, days=statistics.DAYS, describe=describe_redemptions),
        "rows": [build_row(use, zone, names) for use in find_uses(wanted=recent, before=None, limit=RECENT_LIMIT).uses],
        "create_url": reverse("admin:discounts_discountcode_add") if _can_create_code(request) else None,
        "health": _health_cards(now) if is_platform_admin(request) else None,
    }


def _cards(
    brand_ids: list[Any] | None, days: statistics.DailyStatistics, today: date, at: datetime
) -> list[tuple[str, str, str]]:
    """Return the metric cards: label, value and note."""
    codes = selectors.count_active_codes(brand_ids=brand_ids, at=at, limit=COUNT_LIMIT)
    yesterday = days.redemptions[today - timedelta(days=1)]
    reservations = selectors.count_open_reservations(brand_ids=brand_ids, at=at)
    return [
        (_("Active codes"), format_capped_count(codes, COUNT_LIMIT), _("can be redeemed now")),
        (
            _("Redemptions today"),
            format_number(days.redemptions[today]),
            _("%(count)s yesterday") % {"count": format_number(yesterday)},
        ),
        (_("Discounts today"), format_totals(days.discount_since(today)), _("confirmed redemptions")),
        (
            _("Discounts, last 7 days"),
            format_totals(days.discount_since(today - timedelta(days=6))),
            _("including today"),
        ),
        (_("Open reservations"), format_number(reservations), _("awaiting payment")),
    ]


def _active_objects(brand_ids: list[Any] | None, at: datetime) -> list[tuple[str, str, str, str]]:
    """Return what is active now: label, number, note and URL."""
    counts = selectors.count_active_objects(brand_ids=brand_ids, at=at, upcoming=UPCOMING_WINDOW)
    customers = ngettext("%(count)s customer", "%(count)s customers", counts.segment_members)
    vouchers = ngettext(
        "%(issued)s of %(count)s voucher issued", "%(issued)s of %(count)s vouchers issued", counts.vouchers_total
    )
    return [
        (
            _("Promotions"),
            format_number(counts.promotions),
            _starting_soon(counts.upcoming_promotions),
            reverse("admin:promotions_promotion_changelist"),
        ),
        (
            _("Segments"),
            format_number(counts.segments),
            customers % {"count": format_number(counts.segment_members)},
            reverse("admin:segments_segment_changelist"),
        ),
        (
            _("Coupons"),
            format_number(counts.coupons),
            _starting_soon(counts.upcoming_coupons),
            reverse("admin:coupons_coupondefinition_changelist"),
        ),
        (
            _("First-login campaigns"),
            format_number(counts.campaigns),
            vouchers % {"issued": format_number(counts.vouchers_issued), "count": format_number(counts.vouchers_total)},
            reverse("admin:vouchers_campaign_changelist"),
        ),
    ]


def _starting_soon(count: int) -> str:
    text = ngettext("%(count)s starting in the next 7 days", "%(count)s starting in the next 7 days", count)
    return text % {"count": format_number(count)}


def _can_create_code(request: HttpRequest) -> bool:
    brand_ids = list_brand_ids(request, BrandPermissions.EDIT)
    return brand_ids is None or bool(brand_ids)


def _health_cards(at: datetime) -> list[tuple[str, str, str, bool]]:
    """Return the health of the platform: label, value, note, and whether it needs attention."""
    backlog = outbox.get_backlog()
    heartbeat = health.seconds_since_heartbeat()
    mails = selectors.count_failed_mails(since=at - MAIL_WINDOW)
    unknown, failed = mails.get(MailStatus.UNKNOWN, 0), mails.get(MailStatus.FAILED, 0)
    is_overdue = backlog["oldest"] is not None and at - backlog["oldest"] > MAX_TASK_DELAY
    return [
        (
            _("Background tasks"),
            format_number(backlog["pending"]),
            _("queued; the oldest is overdue") if is_overdue else _("queued"),
            is_overdue,
        ),
        (
            _("Failed tasks"),
            format_number(backlog["dead_lettered"]),
            _("gave up after retries"),
            backlog["dead_lettered"] > 0,
        ),
        (
            _("Scheduler"),
            _("No heartbeat") if heartbeat is None else _("%(seconds)s s ago") % {"seconds": heartbeat},
            _("last heartbeat"),
            heartbeat is None or heartbeat > 3 * _heartbeat_interval(),
        ),
        (_("Delivery unknown"), format_number(unknown), _("emails, last 7 days"), unknown > 0),
        *sync_jobs.health_cards(at),
        (_("Failed emails"), format_number(failed), _("last 7 days"), False),
    ]


def _heartbeat_interval() -> float:
    return float(settings.CELERY_BEAT_SCHEDULE["record heartbeat"]["schedule"])  # type: ignore[arg-type]
