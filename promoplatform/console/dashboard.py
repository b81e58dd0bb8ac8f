"""The first page: how the user's brands do today, and for platform admins how the platform does."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Brand
from checkout.models import Redemption, Status
from discounts.admin import numbers
from discounts.admin.uses import shown
from discounts.models import DiscountCode
from promoplatform.console import outside
from promoplatform.kernel import health, outbox, pages
from promoplatform.kernel.admin import brands_with
from promoplatform.kernel.mail.contracts import State
from promoplatform.kernel.mail.models import Mail
from promoplatform.kernel.rights import Rights

LATEST = 8
CAP = 10_000
BRANDS_SHOWN = 50  # whose latest uses are looked for, on a platform admin's page


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What ``admin/index.html`` shows (``UNFOLD["DASHBOARD_CALLBACK"]``)."""
    keys = brands_with(request, Rights.READ)
    brands = list(Brand.objects.filter(pk__in=keys)) if keys is not None else None
    zone = brands[0].timezone if brands and len({brand.timezone for brand in brands}) == 1 else "UTC"
    now = timezone.now()
    day = pages.today(now, zone)
    days = numbers.by_day(brands=keys, zone=zone, at=now)
    newest = (
        keys
        if keys is not None
        else list(Brand.objects.filter(is_active=True).values_list("pk", flat=True)[:BRANDS_SHOWN])
    )
    latest = numbers.recent(numbers.Question(newest, since=now - timedelta(days=numbers.DAYS)), limit=LATEST)
    return context | {
        "title": "Dashboard",
        "whose": ", ".join(brand.name for brand in brands) if brands is not None else "All brands",
        "zone": zone,
        "several": brands is None or len(brands) > 1,
        "cards": [
            ("Active codes", pages.capped(_active_codes(keys), CAP), "can be used now"),
            ("Uses today", f"{days.uses[day]:,}", f"{days.uses[day - timedelta(days=1)]:,} yesterday"),
            ("Given today", pages.amounts(days.given_since(day)), "discount, by final uses"),
            (
                "Given in 7 days",
                pages.amounts(days.given_since(day - timedelta(days=6))),
                "with today",
            ),
            ("Reserved now", f"{_reservations(keys):,}", "not paid yet"),
        ],
        "chart": pages.chart(days.uses, last=day, days=numbers.DAYS, what="uses"),
        "rows": [shown(row, zone=zone) for row in latest],
        "uses_url": reverse("admin:discounts_usage_changelist"),
        "make_url": reverse("admin:discounts_discountcode_add") if _may_make(request) else None,
        "health": _health() if request.user.is_superuser else None,
    }


def _may_make(request: HttpRequest) -> bool:
    brands = brands_with(request, Rights.EDIT)
    return brands is None or bool(brands)


def _active_codes(brands: list[Any] | None) -> int:
    rows = DiscountCode.objects.filter(is_active=True, validity__gt=timezone.now())
    if brands is not None:
        rows = rows.filter(brand__in=brands)
    return len(rows.values_list("pk")[: CAP + 1])


def _reservations(brands: list[Any] | None) -> int:
    rows = Redemption.objects.filter(status=Status.RESERVED, expires_at__gt=timezone.now())
    if brands is not None:
        rows = rows.filter(Q(brand__in=brands) | Q(brand=None, items__brand__in=brands)).distinct()
    return rows.count()


def _health() -> list[tuple[str, str, str, bool]]:
    """Of the machinery: name, value, what it means, whether someone should look."""
    backlog = outbox.backlog()
    beat = health.seconds_since_heartbeat()
    states = (State.DOUBTFUL, State.FAILED)
    mails = Mail.objects.filter(state__in=states, mailing__created_at__gt=timezone.now() - timedelta(days=7))
    bad = dict(mails.values_list("state").annotate(mails=Count("pk")).order_by())
    late = backlog["oldest"] is not None and timezone.now() - backlog["oldest"] > timedelta(minutes=5)
    return [
        ("Promised tasks", f"{backlog['waiting']:,}", "waiting; the oldest is late" if late else "waiting", late),
        ("Parked tasks", f"{backlog['parked']:,}", "failed too often", backlog["parked"] > 0),
        (
            "Beat",
            "silent" if beat is None else f"{beat} s ago",
            "last got a task through a worker",
            beat is None or beat > 3 * _beat_seconds(),
        ),
        (
            "Doubtful mails",
            f"{bad.get(State.DOUBTFUL, 0):,}",
            "of the last 7 days: perhaps sent",
            bad.get(State.DOUBTFUL, 0) > 0,
        ),
        *outside.health(timezone.now()),
        ("Failed mails", f"{bad.get(State.FAILED, 0):,}", "of the last 7 days", False),
    ]


def _beat_seconds() -> float:
    return float(settings.CELERY_BEAT_SCHEDULE["beat heart"]["schedule"])  # type: ignore[arg-type]
