"""Reports say what the rows say, to the second and at any moment, in any zone."""

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
from coupons.models import CouponDefinition, CouponRedemption, Status
from coupons.services import reports, rollup
from coupons.services.reports import Report
from tests.coupons.builders import add, coupon_of, refund, row
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2027, 3, 17, 12, tzinfo=UTC)
UTC_ZONE, MADRID, KATHMANDU = ZoneInfo("UTC"), ZoneInfo("Europe/Madrid"), ZoneInfo("Asia/Kathmandu")
SECOND = timedelta(seconds=1)


@pytest.fixture
def coupon() -> CouponDefinition:
    return coupon_of()


def report_of(
    coupon: CouponDefinition, unit: Interval = Interval.DAY, zone: ZoneInfo = UTC_ZONE, **asked: Any
) -> Report:
    known: dict[str, Any] = {"first": None, "until": None, "at": NOON + timedelta(days=1)}
    return reports.coupon_report(coupon=coupon, unit=unit, timezone=zone, **known | asked)


def counts(report: Report) -> dict[str, int]:
    """Redemptions of each period that has some, by its start in the report's zone."""
    return {
        period.start.astimezone(report.timezone).isoformat(timespec="minutes"): period.sums.redemptions
        for period in report.periods
        if period.sums.redemptions
    }


def test_a_report_is_the_same_before_and_after_summing_up(coupon: CouponDefinition) -> None:
    add(row(coupon, NOON), row(coupon, NOON - timedelta(days=3)), row(coupon, NOON, Status.EXPIRED))
    before = report_of(coupon)
    assert rollup.roll_up() == 2

    assert report_of(coupon) == before
    assert (before.total.redemptions, before.total.released, before.total.discount) == (2, 1, {"EUR": 200})
    assert counts(before) == {"2027-03-14T00:00+00:00": 1, "2027-03-17T00:00+00:00": 1}


def test_a_late_refund_is_seen_at_once_in_the_period_of_the_redemption(coupon: CouponDefinition) -> None:
    one, _ = add(row(coupon, NOON - timedelta(days=40)), row(coupon, NOON))
    rollup.roll_up()
    refund(one.pk, NOON)

    told = []
    for _ in range(2):
        report = report_of(coupon, Interval.MONTH, first=NOON - timedelta(days=45), until=NOON + SECOND)
        told.append([(period.start.month, period.sums) for period in report.periods])
        rollup.roll_up()

    assert told[0] == told[1]
    assert [(month, sums.redemptions, sums.released, sums.refunded, sums.discount) for month, sums in told[0]] == [
        (1, 0, 0, 0, {}),
        (2, 1, 1, 1, {"EUR": 0}),
        (3, 1, 0, 0, {"EUR": 100}),
    ]


def test_edges_cut_to_the_microsecond(coupon: CouponDefinition) -> None:
    add(*(row(coupon, NOON + SECOND * seconds) for seconds in range(0, 3_600, 60)))
    rollup.roll_up()
    first, until = NOON + SECOND * 120, NOON + SECOND * 2_400

    assert report_of(coupon, first=first, until=until).total.redemptions == 38
    assert report_of(coupon, first=first + timedelta(microseconds=1), until=until).total.redemptions == 37
    assert report_of(coupon, first=first, until=until + timedelta(microseconds=1)).total.redemptions == 39
    assert report_of(coupon, first=first, until=first).total.redemptions == 0
    assert report_of(coupon, first=first, until=first).periods == []
    assert report_of(coupon, first=first + SECOND, until=first + SECOND * 2).total.redemptions == 0


def test_the_quarter_that_is_under_way_is_taken_whole_and_one_that_is_over_is_cut(coupon: CouponDefinition) -> None:
    now = NOON + SECOND * 100
    add(row(coupon, now), row(coupon, now + SECOND))  # the second by a clock that is a little ahead
    rollup.roll_up()

    assert report_of(coupon, first=NOON, at=now).total.redemptions == 2
    assert report_of(coupon, first=NOON, until=now, at=now + SECOND).total.redemptions == 0
    assert report_of(coupon, first=NOON, until=now + SECOND, at=now + SECOND * 2).total.redemptions == 1
    assert report_of(coupon, first=NOON - SECOND, until=NOON, at=NOON).total.redemptions == 0


def test_days_are_those_of_the_zone_also_when_the_clocks_change(coupon: CouponDefinition) -> None:
    moments = [
        "2027-03-27T23:59:59+01:00",
        "2027-03-28T00:00+01:00",
        "2027-03-28T23:59:59+02:00",
        "2027-03-29T00:00+02:00",
    ]
    add(*(row(coupon, datetime.fromisoformat(moment)) for moment in moments))
    rollup.roll_up()
    between = {"first": NOON, "until": NOON + timedelta(days=20)}

    assert counts(report_of(coupon, Interval.DAY, MADRID, **between)) == {
        "2027-03-27T00:00+01:00": 1,
        "2027-03-28T00:00+01:00": 2,
        "2027-03-29T00:00+02:00": 1,
    }
    assert counts(report_of(coupon, Interval.WEEK, MADRID, **between)) == {
        "2027-03-22T00:00+01:00": 3,
        "2027-03-29T00:00+02:00": 1,
    }


def test_kathmandus_day_starts_at_a_quarter_past(coupon: CouponDefinition) -> None:
    midnight = datetime.fromisoformat("2027-03-18T00:00+05:45")
    add(row(coupon, midnight - SECOND), row(coupon, midnight))
    rollup.roll_up()

    assert counts(report_of(coupon, Interval.DAY, KATHMANDU, first=NOON)) == {
        "2027-03-17T00:00+05:45": 1,
        "2027-03-18T00:00+05:45": 1,
    }


def test_empty_periods_are_there(coupon: CouponDefinition) -> None:
    report = report_of(coupon, Interval.DAY, first=NOON, until=NOON + timedelta(days=7))

    assert len(report.periods) == 8
    assert {period.sums.redemptions for period in report.periods} == {0}


def test_without_an_end_a_report_is_of_the_coupons_life_until_now(coupon: CouponDefinition) -> None:
    add(row(coupon, NOON + timedelta(hours=23)), row(coupon, NOON + timedelta(days=2)))
    rollup.roll_up()

    report = report_of(coupon)
    assert (report.start, report.end) == (coupon.start_date, NOON + timedelta(days=1))
    assert report.total.redemptions == 1

    CouponDefinition.objects.filter(pk=coupon.pk).update(start_date=NOON + timedelta(days=365))
    coupon.refresh_from_db()
    assert report_of(coupon).total.redemptions == 1  # its dates were changed, what happened was not
    assert report_of(coupon_of(start_date=NOON + timedelta(days=99))).periods == []


def test_currencies_are_kept_apart(coupon: CouponDefinition) -> None:
    add(row(coupon, NOON), row(coupon, NOON, currency="JPY", amount=500), row(coupon, NOON, currency=None, amount=None))
    rollup.roll_up()

    report = report_of(coupon)

    assert (report.currency, report.total.redemptions, report.total.discount) == ("EUR", 3, {"EUR": 100, "JPY": 500})


def test_a_coupon_and_a_brand_see_nothing_of_others(coupon: CouponDefinition) -> None:
    brand: Brand = BrandFactory()
    mine, also = coupon_of(brand), coupon_of(brand)
    add(row(mine, NOON), row(also, NOON), row(also, NOON), *(row(coupon, NOON) for _ in range(5)))

    def told() -> tuple[int, int]:
        asked: dict[str, Any] = {
            "unit": Interval.DAY,
            "zone": UTC_ZONE,
            "until": None,
            "at": NOON + timedelta(minutes=5),
        }
        whole = reports.brand_report(brand=brand, start=None, **asked)
        return report_of(mine).total.redemptions, whole.total.redemptions

    assert told() == (1, 3)
    rollup.roll_up()
    assert told() == (1, 3)
    assert reports.brand_report(
        brand=BrandFactory(), unit=Interval.DAY, timezone=UTC_ZONE, start=None, end=None, at=NOON
    ).total.redemptions == 0  # fmt: skip


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("unit", {"unit": Interval.HOUR, "first": NOON - timedelta(hours=9_001), "until": NOON}),
        (
            "unit",
            {
                "unit": Interval.DAY,
                "first": datetime(2000, 1, 1, tzinfo=UTC),
                "until": datetime(2200, 1, 1, tzinfo=UTC),
            },
        ),
        ("from", {"first": datetime(1999, 12, 31, tzinfo=UTC), "until": NOON}),
        ("to", {"first": NOON, "until": datetime(9999, 12, 31, tzinfo=UTC)}),
        ("to", {"first": NOON, "until": NOON - SECOND}),
    ],
)
def test_what_no_report_can_be_is_refused_at_its_field(
    coupon: CouponDefinition, field: str, asked: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        report_of(coupon, **asked)

    assert [fault["field"] for fault in refused.value.errors or []] == [field]


def test_as_many_periods_as_may_be_are_given(coupon: CouponDefinition) -> None:
    assert len(report_of(coupon, Interval.HOUR, first=NOON - timedelta(hours=9_000), until=NOON).periods) == 9_000


def test_a_report_is_one_statement_and_one_for_its_beginning(coupon: CouponDefinition) -> None:
    add(*(row(coupon, NOON + timedelta(hours=hours)) for hours in range(40)))

    with CaptureQueriesContext(connection) as captured:
        report_of(coupon)
    assert len(captured) == 2

    with CaptureQueriesContext(connection) as captured:
        report_of(coupon, Interval.HOUR, first=NOON)
    assert len(captured) == 1


def test_sums_are_found_by_their_key_and_rows_by_their_moment(coupon: CouponDefinition) -> None:
    add(*(row(coupon, NOON - timedelta(minutes=minutes)) for minutes in range(2_000)))
    params: dict[str, Any] = {
        "coupons": [coupon.pk],
        "edges": [NOON],
        "cuts": [NOON],
        "first": NOON,
        "until": NOON + SECOND,
    }
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE coupons_couponredemption")  # so that the plan does not depend on what was there before
        cursor.execute("SET LOCAL enable_seqscan = off")  # of a small table, all of it would be read
        cursor.execute(f"EXPLAIN {db.load_sql('coupons/sql/report_redemptions.sql')}", params)
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "coupons_redemptionbucket_pkey" in plan
    assert "coupon_id_coalesce_idx" in plan
    assert "Seq Scan on coupons_couponredemption" not in plan
    assert "Seq Scan on coupons_redemptionbucket" not in plan


# --- the whole table as the witness ----------------------------------------------------------------------------------
BEGIN = datetime(2027, 3, 26, tzinfo=UTC)
SPAN = int(timedelta(days=5).total_seconds())
FINAL = [Status.CONFIRMED, Status.REFUNDED, Status.RELEASED, Status.EXPIRED]
ROWS = st.lists(
    st.tuples(
        st.integers(0, SPAN), st.sampled_from(Status), st.sampled_from(["EUR", "JPY", None]), st.integers(0, 1_000)
    ),
    max_size=25,
)


def witnessed(unit: Interval, zone: ZoneInfo, first: datetime, until: datetime) -> list[tuple[Any, ...]]:
    """The report of every row there is, one by one."""
    edges = [*iter_starts(first, until, unit, zone), datetime.max.replace(tzinfo=UTC)]
    rows = list(CouponRedemption.objects.exclude(status=Status.RESERVED))
    return [
        _period(start, [one for one in rows if max(start, first) <= _moment(one) < min(end, until)])
        for start, end in pairwise(edges)
    ]


def _moment(one: CouponRedemption) -> datetime:
    found = one.redeemed_at or one.ended_at
    assert found is not None
    return found


def _period(start: datetime, rows: list[CouponRedemption]) -> tuple[Any, ...]:
    of = Counter(one.status for one in rows)
    given: Counter[str] = Counter()
    for one in rows:
        if one.currency and one.status == Status.CONFIRMED:
            given[one.currency] += one.amount or 0
    redemptions = of[Status.CONFIRMED] + of[Status.REFUNDED]
    return (start, redemptions, len(rows) - of[Status.CONFIRMED], of[Status.REFUNDED], +given)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS, late=ROWS, refunds=st.integers(0, 5), unit=st.sampled_from(Interval),
    zone=st.sampled_from(sorted(available_timezones())), edges=st.tuples(st.integers(0, SPAN), st.integers(0, SPAN)),
)  # fmt: skip
@example(
    [(0, Status.CONFIRMED, "EUR", 1)], [(1, Status.CONFIRMED, "EUR", 1)], 1, Interval.DAY, "Asia/Kathmandu", (0, 900)
)
def test_a_report_is_what_a_scan_of_all_rows_finds(
    coupon: CouponDefinition,
    rows: list[Any],
    late: list[Any],
    refunds: int,
    unit: Interval,
    zone: str,
    edges: tuple[int, int],
) -> None:
    first, until = (BEGIN + SECOND * edge for edge in sorted(edges))
    place = ZoneInfo(zone)
    with transaction.atomic():
        for some, summed in ((rows, True), (late, False)):
            add(*(row(coupon, BEGIN + SECOND * at, status, currency=currency, amount=amount)
                  for at, status, currency, amount in some))  # fmt: skip
            if summed:
                rollup.roll_up()
        for one in CouponRedemption.objects.filter(status=Status.CONFIRMED).order_by("pk")[:refunds]:
            refund(one.pk, BEGIN + timedelta(days=30))

        asked = {"first": first, "until": until, "at": BEGIN + timedelta(days=31)}
        told = report_of(coupon, unit, place, **asked)
        wanted = witnessed(unit, place, first, until)
        rollup.roll_up()
        again = report_of(coupon, unit, place, **asked)
        transaction.set_rollback(True)

    assert told == again
    assert [
        (p.start, p.sums.redemptions, p.sums.released, p.sums.refunded, +Counter(p.sums.discount)) for p in told.periods
    ] == wanted
