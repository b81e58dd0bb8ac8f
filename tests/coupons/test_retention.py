"""Old redemptions are let go of, and reports stay as they were."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from core import ids
from core.periods import Interval
from coupons.models import CouponDefinition, CouponRedemption, RedemptionBucket, Status
from coupons.services import reports, retention, rollup
from tests.coupons.builders import add, coupon_of, refund, row

pytestmark = pytest.mark.django_db
JANUARY, FEBRUARY, MARCH = (datetime(2024, month, 1, tzinfo=UTC) for month in (1, 2, 3))
AT = datetime(2025, 3, 17, tzinfo=UTC)
TABLES = ["coupons_couponredemption_2024_01", "coupons_couponredemption_2024_02"]


@pytest.fixture(autouse=True)
def months(settings: Any) -> None:
    """Tables of the first two months of 2024; a year is kept."""
    settings.REDEMPTION_RETENTION_MONTHS = 12
    with connection.cursor() as cursor:
        for name, low, high in zip(TABLES, (JANUARY, FEBRUARY), (FEBRUARY, MARCH), strict=True):
            cursor.execute(
                f"CREATE TABLE {name} PARTITION OF coupons_couponredemption"
                f" FOR VALUES FROM ('{ids.min_uuid7_at(low)}') TO ('{ids.min_uuid7_at(high)}')"
            )


@pytest.fixture
def coupon() -> CouponDefinition:
    return coupon_of(start_date=JANUARY, end_date=datetime(2025, 1, 1, tzinfo=UTC))


def born(coupon: CouponDefinition, at: datetime, status: Status = Status.CONFIRMED, **fields: Any) -> CouponRedemption:
    """A redemption whose id is as old as itself."""
    return row(coupon, at, status, id=uuid.UUID(int=ids.min_uuid7_at(at).int + uuid.uuid4().int % 2**60), **fields)


def told(coupon: CouponDefinition) -> list[tuple[Any, ...]]:
    report = reports.coupon_report(
        coupon=coupon, unit=Interval.DAY, timezone=ZoneInfo("Asia/Kathmandu"), start=JANUARY, end=AT, at=AT
    )
    return [(period.start, period.sums) for period in report.periods]


@pytest.fixture
def rows(coupon: CouponDefinition) -> list[CouponRedemption]:
    """Two in January, one of them at its last moment and one that was refunded; one in the first moment of February,
    and one that began in January and was confirmed in February.
    """
    made = add(
        born(coupon, JANUARY + timedelta(days=3), currency="JPY"),
        born(coupon, FEBRUARY - timedelta(seconds=1)),
        born(coupon, JANUARY + timedelta(days=3), Status.EXPIRED),
        born(coupon, FEBRUARY),
        born(coupon, FEBRUARY - timedelta(minutes=1), redeemed_at=FEBRUARY + timedelta(minutes=1)),
    )
    refund(made[1].pk, MARCH)
    rollup.roll_up()
    return made


def test_a_report_is_the_same_without_the_rows(coupon: CouponDefinition, rows: list[CouponRedemption]) -> None:
    before = told(coupon)

    assert retention.purge_old_months(at=AT) == TABLES

    assert CouponRedemption.objects.count() == 0
    assert told(coupon) == before
    rollup.roll_up()
    assert told(coupon) == before
    assert set(RedemptionBucket.objects.values_list("archived", flat=True)) == {True}
    assert list(rollup.check(at=AT, repair=False)) == []
    assert retention.purge_old_months(at=AT) == []


def test_a_month_whose_neighbour_stays_shares_its_buckets_with_it(
    coupon: CouponDefinition, rows: list[CouponRedemption]
) -> None:
    before = told(coupon)

    assert retention.purge_old_months(at=datetime(2025, 2, 28, tzinfo=UTC)) == TABLES[:1]
    assert told(coupon) == before

    refund(rows[3].pk, AT)  # of a bucket that has archived redemptions too
    for _ in range(2):
        report = reports.coupon_report(
            coupon=coupon, unit=Interval.MONTH, timezone=ZoneInfo("UTC"), start=JANUARY, end=MARCH, at=AT
        )
        assert [(period.sums.redemptions, period.sums.refunded) for period in report.periods] == [(2, 1), (2, 1)]
        rollup.roll_up()
    assert list(rollup.check(at=AT, repair=False)) == []


def test_an_edge_within_an_archived_bucket_is_taken_at_its_start(
    coupon: CouponDefinition, rows: list[CouponRedemption]
) -> None:
    retention.purge_old_months(at=AT)

    def redemptions(first: datetime) -> int:
        asked: dict[str, Any] = {"unit": Interval.DAY, "zone": ZoneInfo("UTC"), "until": MARCH, "at": AT}
        return reports.coupon_report(coupon=coupon, start=first, **asked).total.redemptions

    assert redemptions(FEBRUARY) == 2
    assert redemptions(FEBRUARY + timedelta(seconds=1)) == 0


def test_nothing_goes_where_all_is_kept(coupon: CouponDefinition, rows: list[CouponRedemption], settings: Any) -> None:
    settings.REDEMPTION_RETENTION_MONTHS = 0

    assert retention.purge_old_months(at=AT) == []
    assert CouponRedemption.objects.count() == 5


@pytest.mark.parametrize(
    ("at", "gone"),
    [
        (datetime(2025, 1, 31, 23, 59, tzinfo=UTC), 0),
        (datetime(2025, 2, 1, tzinfo=UTC), 1),
        (datetime(2025, 2, 28, 23, 59, tzinfo=UTC), 1),
        (datetime(2025, 3, 1, tzinfo=UTC), 2),
    ],
)
def test_so_many_whole_months_are_kept(at: datetime, gone: int) -> None:
    assert retention.purge_old_months(at=at) == TABLES[:gone]


def test_a_month_stays_while_one_of_its_coupons_runs(rows: list[CouponRedemption], coupon: CouponDefinition) -> None:
    add(born(coupon_of(start_date=JANUARY, end_date=AT + timedelta(seconds=1)), JANUARY))
    rollup.roll_up()

    assert retention.purge_old_months(at=AT) == TABLES[1:]
    assert CouponRedemption.objects.count() == 5
    assert retention.purge_old_months(at=AT + timedelta(seconds=1)) == TABLES[:1]


def test_a_month_stays_while_something_in_it_is_reserved(coupon: CouponDefinition) -> None:
    add(born(coupon, JANUARY, Status.RESERVED))

    assert retention.purge_old_months(at=AT) == TABLES[1:]
    assert CouponRedemption.objects.count() == 1


def test_a_month_stays_when_its_sums_are_wrong(coupon: CouponDefinition, rows: list[CouponRedemption]) -> None:
    RedemptionBucket.objects.filter(currency="JPY").update(redemptions=7)

    assert retention.purge_old_months(at=AT) == []
    assert CouponRedemption.objects.count() == 5

    assert len(list(rollup.check(at=AT, repair=True))) == 1
    rollup.roll_up()
    assert retention.purge_old_months(at=AT) == TABLES
