"""Reports match the redemptions exactly, at any time and in any time zone."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import Brand
from core import db
from core.errors import InvalidRequest
from core.periods import Interval, iter_starts
from coupons.models import STATUSES, CouponDefinition, CouponRedemption
from coupons.services import reports
from coupons.services.reports import Report
from redemptions.statuses import RedemptionStatus
from tests.coupons.builders import build_redemption, create_coupon, return_redemption, store_redemptions
from tests.factories import BrandFactory
from tests.redemptions.events import roll_up_now

pytestmark = pytest.mark.django_db
NOON = datetime(2027, 3, 17, 12, tzinfo=UTC)
UTC_ZONE, MADRID, KATHMANDU = ZoneInfo("UTC"), ZoneInfo("Europe/Madrid"), ZoneInfo("Asia/Kathmandu")
SECOND = timedelta(seconds=1)


@pytest.fixture
def coupon() -> CouponDefinition:
    return create_coupon()


def report_of(
    coupon: CouponDefinition, unit: Interval = Interval.DAY, zone: ZoneInfo = UTC_ZONE, **options: Any
) -> Report:
    defaults: dict[str, Any] = {"start": None, "end": None, "at": NOON + timedelta(days=1)}
    return reports.coupon_report(coupon=coupon, unit=unit, timezone=zone, **defaults | options)


def counts(report: Report) -> dict[str, int]:
    """Return the redemptions of non-empty periods by their start in the report's time zone."""
    return {
        period.start.astimezone(report.timezone).isoformat(timespec="minutes"): period.sums.redemptions
        for period in report.periods
        if period.sums.redemptions
    }


def test_a_report_is_the_same_before_and_after_the_roll_up(coupon: CouponDefinition) -> None:
    store_redemptions(
        build_redemption(coupon, NOON),
        build_redemption(coupon, NOON - timedelta(days=3)),
        build_redemption(coupon, NOON, RedemptionStatus.EXPIRED),
    )
    before = report_of(coupon)
    roll_up_now()

    assert report_of(coupon) == before
    assert (before.total.redemptions, before.total.released, before.total.discount) == (2, 1, {"EUR": 200})
    assert counts(before) == {"2027-03-14T00:00+00:00": 1, "2027-03-17T00:00+00:00": 1}


def test_a_late_return_changes_the_period_of_the_redemption_at_once(coupon: CouponDefinition) -> None:
    redemption, _ = store_redemptions(
        build_redemption(coupon, NOON - timedelta(days=40)), build_redemption(coupon, NOON)
    )
    roll_up_now()
    return_redemption(redemption.pk, NOON)

    results = []
    for _ in range(2):
        report = report_of(coupon, Interval.MONTH, start=NOON - timedelta(days=45), end=NOON + SECOND)
        results.append([(period.start.month, period.sums) for period in report.periods])
        roll_up_now()

    assert results[0] == results[1]
    assert [(month, sums.redemptions, sums.released, sums.refunded, sums.discount) for month, sums in results[0]] == [
        (1, 0, 0, 0, {}),
        (2, 1, 1, 1, {"EUR": 0}),
        (3, 1, 0, 0, {"EUR": 100}),
    ]


def test_edges_are_exact_to_the_microsecond(coupon: CouponDefinition) -> None:
    store_redemptions(*(build_redemption(coupon, NOON + SECOND * seconds) for seconds in range(0, 3_600, 60)))
    roll_up_now()
    start, end = NOON + SECOND * 120, NOON + SECOND * 2_400

    assert report_of(coupon, start=start, end=end).total.redemptions == 38
    assert report_of(coupon, start=start + timedelta(microseconds=1), end=end).total.redemptions == 37
    assert report_of(coupon, start=start, end=end + timedelta(microseconds=1)).total.redemptions == 39
    assert report_of(coupon, start=start, end=start).total.redemptions == 0
    assert report_of(coupon, start=start, end=start).periods == []
    assert report_of(coupon, start=start + SECOND, end=start + SECOND * 2).total.redemptions == 0


def test_the_current_quarter_hour_is_counted_whole_and_past_ones_are_cut(coupon: CouponDefinition) -> None:
    now = NOON + SECOND * 100
    store_redemptions(
        build_redemption(coupon, now), build_redemption(coupon, now + SECOND)
    )  # the second by a clock that is slightly ahead
    roll_up_now()

    assert report_of(coupon, start=NOON, at=now).total.redemptions == 2
    assert report_of(coupon, start=NOON, end=now, at=now + SECOND).total.redemptions == 0
    assert report_of(coupon, start=NOON, end=now + SECOND, at=now + SECOND * 2).total.redemptions == 1
    assert report_of(coupon, start=NOON - SECOND, end=NOON, at=NOON).total.redemptions == 0


def test_days_follow_the_time_zone_across_clock_changes(coupon: CouponDefinition) -> None:
    moments = [
        "2027-03-27T23:59:59+01:00",
        "2027-03-28T00:00+01:00",
        "2027-03-28T23:59:59+02:00",
        "2027-03-29T00:00+02:00",
    ]
    store_redemptions(*(build_redemption(coupon, datetime.fromisoformat(moment)) for moment in moments))
    roll_up_now()
    between = {"start": NOON, "end": NOON + timedelta(days=20)}

    assert counts(report_of(coupon, Interval.DAY, MADRID, **between)) == {
        "2027-03-27T00:00+01:00": 1,
        "2027-03-28T00:00+01:00": 2,
        "2027-03-29T00:00+02:00": 1,
    }
    assert counts(report_of(coupon, Interval.WEEK, MADRID, **between)) == {
        "2027-03-22T00:00+01:00": 3,
        "2027-03-29T00:00+02:00": 1,
    }


def test_days_in_kathmandu_start_at_a_quarter_past(coupon: CouponDefinition) -> None:
    midnight = datetime.fromisoformat("2027-03-18T00:00+05:45")
    store_redemptions(build_redemption(coupon, midnight - SECOND), build_redemption(coupon, midnight))
    roll_up_now()

    assert counts(report_of(coupon, Interval.DAY, KATHMANDU, start=NOON)) == {
        "2027-03-17T00:00+05:45": 1,
        "2027-03-18T00:00+05:45": 1,
    }


def test_empty_periods_are_included(coupon: CouponDefinition) -> None:
    report = report_of(coupon, Interval.DAY, start=NOON, end=NOON + timedelta(days=7))

    assert len(report.periods) == 8
    assert {period.sums.redemptions for period in report.periods} == {0}


def test_by_default_a_report_covers_the_coupon_from_its_start_until_now(coupon: CouponDefinition) -> None:
    store_redemptions(
        build_redemption(coupon, NOON + timedelta(hours=23)), build_redemption(coupon, NOON + timedelta(days=2))
    )
    roll_up_now()

    report = report_of(coupon)
    assert (report.start, report.end) == (coupon.start_date, NOON + timedelta(days=1))
    assert report.total.redemptions == 1

    CouponDefinition.objects.filter(pk=coupon.pk).update(start_date=NOON + timedelta(days=365))
    coupon.refresh_from_db()
    assert report_of(coupon).total.redemptions == 1  # the dates changed, the redemptions did not
    assert report_of(create_coupon(start_date=NOON + timedelta(days=99))).periods == []


def test_currencies_are_summed_separately(coupon: CouponDefinition) -> None:
    store_redemptions(
        build_redemption(coupon, NOON),
        build_redemption(coupon, NOON, currency="JPY", amount=500),
        build_redemption(coupon, NOON, currency=None, amount=None),
    )
    roll_up_now()

    report = report_of(coupon)

    assert (report.currency, report.total.redemptions, report.total.discount) == ("EUR", 3, {"EUR": 100, "JPY": 500})


def test_reports_exclude_other_coupons_and_brands(coupon: CouponDefinition) -> None:
    brand: Brand = BrandFactory()
    first, second = create_coupon(brand), create_coupon(brand)
    store_redemptions(
        build_redemption(first, NOON),
        build_redemption(second, NOON),
        build_redemption(second, NOON),
        *(build_redemption(coupon, NOON) for _ in range(5)),
    )

    def totals() -> tuple[int, int]:
        at = NOON + timedelta(minutes=5)
        brand_report = reports.brand_report(
            brand=brand, unit=Interval.DAY, timezone=UTC_ZONE, start=None, end=None, at=at
        )
        return report_of(first).total.redemptions, brand_report.total.redemptions

    assert totals() == (1, 3)
    roll_up_now()
    assert totals() == (1, 3)
    assert reports.brand_report(
        brand=BrandFactory(), unit=Interval.DAY, timezone=UTC_ZONE, start=None, end=None, at=NOON
    ).total.redemptions == 0  # fmt: skip


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("unit", {"unit": Interval.HOUR, "start": NOON - timedelta(hours=9_001), "end": NOON}),
        (
            "unit",
            {
                "unit": Interval.DAY,
                "start": datetime(2000, 1, 1, tzinfo=UTC),
                "end": datetime(2200, 1, 1, tzinfo=UTC),
            },
        ),
        ("from", {"start": datetime(1999, 12, 31, tzinfo=UTC), "end": NOON}),
        ("to", {"start": NOON, "end": datetime(9999, 12, 31, tzinfo=UTC)}),
        ("to", {"start": NOON, "end": NOON - SECOND}),
    ],
)
def test_invalid_queries_are_rejected_at_their_fields(
    coupon: CouponDefinition, field: str, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest) as error_info:
        report_of(coupon, **options)

    assert [error["field"] for error in error_info.value.errors or []] == [field]


def test_the_largest_number_of_periods_is_accepted(coupon: CouponDefinition) -> None:
    assert len(report_of(coupon, Interval.HOUR, start=NOON - timedelta(hours=9_000), end=NOON).periods) == 9_000


def test_a_report_takes_one_query_and_one_for_its_default_start(coupon: CouponDefinition) -> None:
    store_redemptions(*(build_redemption(coupon, NOON + timedelta(hours=hours)) for hours in range(40)))

    with CaptureQueriesContext(connection) as captured:
        report_of(coupon)
    assert len(captured) == 2

    with CaptureQueriesContext(connection) as captured:
        report_of(coupon, Interval.HOUR, start=NOON)
    assert len(captured) == 1


def test_the_report_statement_uses_indexes(coupon: CouponDefinition) -> None:
    store_redemptions(*(build_redemption(coupon, NOON - timedelta(minutes=minutes)) for minutes in range(2_000)))
    roll_up_now()
    params: dict[str, Any] = {
        "brand": coupon.brand_id,
        "offer": coupon.pk,
        "coupons": [coupon.pk],
        "edges": [NOON],
        "cuts": [NOON],
        "first": NOON,
        "until": NOON + SECOND,
    }
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE coupons_couponredemption")  # so that the plan depends on these rows only
        cursor.execute("SET LOCAL enable_seqscan = off")  # a small table would be read whole
        cursor.execute(f"EXPLAIN {db.load_sql('coupons/sql/report_redemptions.sql')}", params)
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "redemptions_resultbucket_pkey" in plan
    assert "coupon_id_coalesce_idx" in plan
    assert "Seq Scan on coupons_couponredemption" not in plan
    assert "Seq Scan on redemptions_resultbucket" not in plan


# --- comparison with all rows ---------------------------------------------------------------------------------------
FIRST_DAY = datetime(2027, 3, 26, tzinfo=UTC)
SPAN = int(timedelta(days=5).total_seconds())
FINAL = [RedemptionStatus.CONFIRMED, RedemptionStatus.RETURNED, RedemptionStatus.RELEASED, RedemptionStatus.EXPIRED]
ROWS = st.lists(
    st.tuples(
        st.integers(0, SPAN),
        st.sampled_from(STATUSES),
        st.sampled_from(["EUR", "JPY", None]),
        st.integers(0, 1_000),
    ),
    max_size=25,
)


def scan(unit: Interval, zone: ZoneInfo, start: datetime, end: datetime) -> list[tuple[Any, ...]]:
    """Return the report as calculated from every redemption, one by one."""
    edges = [*iter_starts(start, end, unit, zone), datetime.max.replace(tzinfo=UTC)]
    redemptions = list(CouponRedemption.objects.exclude(status=RedemptionStatus.RESERVED))
    return [
        _sum_up(
            first,
            [
                redemption
                for redemption in redemptions
                if max(first, start) <= _counted_at(redemption) < min(following, end)
            ],
        )
        for first, following in pairwise(edges)
    ]


def _counted_at(redemption: CouponRedemption) -> datetime:
    at = redemption.redeemed_at or redemption.ended_at
    assert at is not None
    return at


def _sum_up(start: datetime, redemptions: list[CouponRedemption]) -> tuple[Any, ...]:
    by_status = Counter(redemption.status for redemption in redemptions)
    discount: Counter[str] = Counter()
    for redemption in redemptions:
        if redemption.currency and redemption.status == RedemptionStatus.CONFIRMED:
            discount[redemption.currency] += redemption.amount or 0
    confirmed, returned = by_status[RedemptionStatus.CONFIRMED], by_status[RedemptionStatus.RETURNED]
    return (start, confirmed + returned, len(redemptions) - confirmed, returned, +discount)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS, late=ROWS, returns=st.integers(0, 5), unit=st.sampled_from(Interval),
    zone=st.sampled_from(sorted(available_timezones())), edges=st.tuples(st.integers(0, SPAN), st.integers(0, SPAN)),
)  # fmt: skip
@example(
    [(0, RedemptionStatus.CONFIRMED, "EUR", 1)],
    [(1, RedemptionStatus.CONFIRMED, "EUR", 1)],
    1,
    Interval.DAY,
    "Asia/Kathmandu",
    (0, 900),
)
def test_a_report_equals_a_scan_of_all_rows(
    coupon: CouponDefinition,
    rows: list[Any],
    late: list[Any],
    returns: int,
    unit: Interval,
    zone: str,
    edges: tuple[int, int],
) -> None:
    start, end = (FIRST_DAY + SECOND * edge for edge in sorted(edges))
    timezone = ZoneInfo(zone)
    with transaction.atomic():
        for values, is_summed in ((rows, True), (late, False)):
            store_redemptions(
                *(
                    build_redemption(coupon, FIRST_DAY + SECOND * seconds, status, currency=currency, amount=amount)
                    for seconds, status, currency, amount in values
                )
            )
            if is_summed:
                roll_up_now()
        for redemption in CouponRedemption.objects.filter(status=RedemptionStatus.CONFIRMED).order_by("pk")[:returns]:
            return_redemption(redemption.pk, FIRST_DAY + timedelta(days=30))

        options = {"start": start, "end": end, "at": FIRST_DAY + timedelta(days=31)}
        before = report_of(coupon, unit, timezone, **options)
        expected = scan(unit, timezone, start, end)
        roll_up_now()
        after = report_of(coupon, unit, timezone, **options)
        transaction.set_rollback(True)

    assert before == after
    assert [
        (p.start, p.sums.redemptions, p.sums.released, p.sums.refunded, +Counter(p.sums.discount))
        for p in before.periods
    ] == expected
