"""Metrics, chart and CSV export of a campaign. Counts of large campaigns stop at a limit."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.base.charts import Chart, build_chart
from backoffice.base.formatting import format_capped_count, format_datetime, format_number, get_percentage
from vouchers import selectors
from vouchers.models import Campaign, VoucherStatus

MAX_COUNTED_LOGINS = 1_000_000
MAX_CHART_LOGINS = 200_000  # latest first logins that the chart counts
CHART_MINUTES = 60
HEADER = ("rank", "customer_id", "issued_at", "expires_at", "status", "voucher_id", "reassigned_to")


def metric_cards(campaign: Campaign) -> list[tuple[str, str, str]]:
    """Return the metric cards of a campaign: label, number and note."""
    counter, counts = campaign.counter, selectors.count_by_status(campaign=campaign)
    logins = selectors.count_logins_up_to(campaign=campaign, limit=MAX_COUNTED_LOGINS + 1)
    waiting = max(0, logins - sum(counts.values()))  # each customer has a first login, and at most one voucher
    unused = counts.get(VoucherStatus.EXPIRED, 0) + counts.get(VoucherStatus.REVOKED, 0)
    quota = {"quota": format_number(counter.quota), "percentage": get_percentage(counter.issued, counter.quota)}
    reserved = {"count": format_number(counts.get(VoucherStatus.RESERVED, 0))}
    reassigned = {"count": format_number(selectors.count_reassigned(campaign=campaign))}
    return [
        (_("Issued"), format_number(counter.issued), _("of %(quota)s (%(percentage)s%%)") % quota),
        (_("Participants"), format_capped_count(logins, MAX_COUNTED_LOGINS), _("total")),
        (_("Waiting list"), format_number(waiting), _("waiting for a voucher")),
        (_("Used"), format_number(counts.get(VoucherStatus.USED, 0)), _("%(count)s reserved") % reserved),
        (_("Expired or revoked"), format_number(unused), _("%(count)s reassigned") % reassigned),
    ]


def participants_per_minute(campaign: Campaign) -> Chart:
    """Return the chart of participants by minute, in the hour before the latest one."""
    counts = selectors.count_logins_per_minute(campaign=campaign, max_logins=MAX_CHART_LOGINS, minutes=CHART_MINUTES)
    zone = ZoneInfo(campaign.brand.timezone)
    last = max(counts, default=campaign.start_date.replace(second=0, microsecond=0))
    minutes = [last - timedelta(minutes=back) for back in reversed(range(CHART_MINUTES))]
    values = [(f"{minute.astimezone(zone):%H:%M}", counts.get(minute, 0)) for minute in minutes]
    period = _("in the hour before %(time)s") % {"time": format_datetime(last, campaign.brand.timezone)}
    return build_chart(values, describe=_describe_participants, period=period, by_time=True)


def _describe_participants(count: int) -> str:
    return ngettext("%(count)s participant", "%(count)s participants", count) % {"count": format_number(count)}


def latest_vouchers(campaign: Campaign, limit: int) -> list[dict[str, Any]]:
    """Return the table rows of the vouchers with the highest ranks."""
    zone = campaign.brand.timezone
    return [
        {
            "voucher": voucher,
            "customer": voucher.customer.customer_id,
            "issued": format_datetime(voucher.created_at, zone),
        }
        for voucher in selectors.list_latest_vouchers(campaign=campaign, limit=limit)
    ]


def iter_csv_rows(campaign: Campaign) -> Iterator[tuple[object, ...]]:
    """Iterate over the rows of the CSV export: every voucher of the campaign, by rank and time."""
    zone = ZoneInfo(campaign.brand.timezone)
    for voucher in selectors.iter_vouchers(campaign=campaign):
        yield (
            voucher.rank, voucher.customer.customer_id, _to_iso_format(voucher.created_at, zone),
            _to_iso_format(voucher.expires_at, zone), voucher.status, voucher.pk, voucher.reassigned_to,
        )  # fmt: skip


def _to_iso_format(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")
