"""What the pages show of a campaign. Nothing here counts without an end: each question stops at a cap or a page."""

import uuid
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count

from backoffice.base.charts import Chart, build_chart
from backoffice.base.formatting import format_capped_count, format_datetime
from core import db
from vouchers.models import Campaign, FirstLogin, Voucher, VoucherStatus

CAP = 1_000_000
NEWEST = 200_000  # arrivals that the chart looks at
MINUTES = 60
CHUNK = 2_000
HEADER = ("rank", "customer", "won_at", "expires_at", "state", "voucher", "passed_on_to")


def logins(campaign: Campaign) -> int:
    """How many signed in, up to ``CAP`` + 1."""
    return len(FirstLogin.objects.filter(campaign=campaign).values_list("sequence")[: CAP + 1])


def states(campaigns: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[str, int]]:
    """How many of each campaign's vouchers are in each state."""
    rows = Voucher.objects.filter(campaign__in=campaigns).order_by().values_list("campaign", "status")
    found: dict[uuid.UUID, dict[str, int]] = {pk: {} for pk in campaigns}
    for pk, state, count in rows.annotate(count=Count("pk")):
        found[pk][state] = count
    return found


def metric_cards(campaign: Campaign) -> list[tuple[str, str, str]]:
    """What is given of what there is, who came, and what became of the vouchers."""
    counter, its, came = campaign.counter, states([campaign.pk])[campaign.pk], logins(campaign)
    passed = Voucher.objects.filter(campaign=campaign, reassigned_to__isnull=False).count()
    waiting = max(0, came - sum(its.values()))  # whoever has or had a voucher signed in before: the constraint says so
    over = its.get(VoucherStatus.EXPIRED, 0) + its.get(VoucherStatus.REVOKED, 0)
    return [
        ("Given", f"{counter.issued:,}", f"of {counter.quota:,}, {100 * counter.issued // counter.quota} %"),
        ("First logins", format_capped_count(came, CAP), "in all"),
        ("In line", f"{waiting:,}", "came too late, or wait for what others lose"),
        ("Used", f"{its.get(VoucherStatus.USED, 0):,}", f"{its.get(VoucherStatus.RESERVED, 0):,} held at checkout"),
        ("Lost", f"{over:,}", f"expired or revoked; {passed:,} of them passed on"),
    ]


def participants_per_minute(campaign: Campaign) -> Chart:
    """First logins by minute, in the hour to the last."""
    params = {"campaign": campaign.pk, "newest": NEWEST, "minutes": MINUTES}
    counted = {row["minute"]: row["logins"] for row in db.fetch_all("vouchers/sql/count_participants.sql", params)}
    zone = ZoneInfo(campaign.brand.timezone)
    last = max(counted, default=campaign.start_date.replace(second=0, microsecond=0))
    span = [last - timedelta(minutes=back) for back in reversed(range(MINUTES))]
    values = [(f"{minute.astimezone(zone):%H:%M}", counted.get(minute, 0)) for minute in span]
    return build_chart(values, unit="first logins", period=f"in the hour to {last.astimezone(zone):%-d %b, %H:%M}")


def latest_vouchers(campaign: Campaign, count: int) -> list[dict[str, Any]]:
    """Who has the last ranks that were given."""
    held = Voucher.objects.filter(campaign=campaign, reassigned_to__isnull=True)
    rows = held.select_related("customer").order_by("-rank")[:count]
    zone = campaign.brand.timezone
    return [
        {"voucher": row, "customer": row.customer.customer_id, "won": format_datetime(row.created_at, zone)}
        for row in rows
    ]


def iter_csv_rows(campaign: Campaign) -> Iterator[tuple[object, ...]]:
    """Every voucher of the campaign as a line of a file, by rank and time, read in chunks."""
    zone = ZoneInfo(campaign.brand.timezone)
    rows = Voucher.objects.filter(campaign=campaign).select_related("customer").order_by("rank", "pk")
    for row in rows.iterator(CHUNK):
        yield (
            row.rank, row.customer.customer_id, _format_datetime(row.created_at, zone), _format_datetime(row.expires_at, zone),
            row.status, row.pk, row.reassigned_to,
        )  # fmt: skip


def _format_datetime(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat(timespec="seconds")
