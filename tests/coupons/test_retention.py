"""Retention: old redemptions are dropped, and reports stay the same."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from core import ids
from core.periods import Interval
from coupons.consistency import check
from coupons.models import CouponDefinition, CouponRedemption
from coupons.services import reports, retention
from coupons.services.retention import iter_report_differences
from redemptions.results.models import ResultBucket
from redemptions.results.services import rollup
from redemptions.statuses import RedemptionStatus
from tests.coupons.builders import build_redemption, create_coupon, return_redemption, store_redemptions
from tests.redemptions.events import roll_up_now

pytestmark = pytest.mark.django_db
JANUARY, FEBRUARY, MARCH = (datetime(2024, month, 1, tzinfo=UTC) for month in (1, 2, 3))
AT = datetime(2025, 3, 17, tzinfo=UTC)
TABLES = ["coupons_couponredemption_2024_01", "coupons_couponredemption_2024_02"]


@pytest.fixture(autouse=True)
def months(settings: Any) -> None:
    """Partitions of the first two months of 2024, and a retention period of a year."""
    settings.REDEMPTION_RETENTION_MONTHS = 12
    with connection.cursor() as cursor:
        for name, low, high in zip(TABLES, (JANUARY, FEBRUARY), (FEBRUARY, MARCH), strict=True):
            cursor.execute(
                f"CREATE TABLE {name} PARTITION OF coupons_couponredemption"
                f" FOR VALUES FROM ('{ids.min_uuid7_at(low)}') TO ('{ids.min_uuid7_at(high)}')"
            )


@pytest.fixture
def coupon() -> CouponDefinition:
    return create_coupon(start_date=JANUARY, created_at=JANUARY, end_date=datetime(2025, 1, 1, tzinfo=UTC))


def build_aged(
    coupon: CouponDefinition, at: datetime, status: RedemptionStatus = RedemptionStatus.CONFIRMED, **fields: Any
) -> CouponRedemption:
    """Build a redemption whose ID has the time ``at``."""
    return build_redemption(
        coupon, at, status, id=uuid.UUID(int=ids.min_uuid7_at(at).int + uuid.uuid4().int % 2**60), **fields
    )


def report_rows(coupon: CouponDefinition) -> list[tuple[Any, ...]]:
    report = reports.coupon_report(
        coupon=coupon, unit=Interval.DAY, timezone=ZoneInfo("Asia/Kathmandu"), start=JANUARY, end=AT, at=AT
    )
    return [(period.start, period.sums) for period in report.periods]


@pytest.fixture
def rows(coupon: CouponDefinition) -> list[CouponRedemption]:
    """Redemptions in January (one is returned) and February, and one reserved in January and confirmed in February."""
    redemptions = store_redemptions(
        build_aged(coupon, JANUARY + timedelta(days=3), currency="JPY"),
        build_aged(coupon, FEBRUARY - timedelta(seconds=1)),
        build_aged(coupon, JANUARY + timedelta(days=3), RedemptionStatus.EXPIRED),
        build_aged(coupon, FEBRUARY),
        build_aged(coupon, FEBRUARY - timedelta(minutes=1), redeemed_at=FEBRUARY + timedelta(minutes=1)),
    )
    return_redemption(redemptions[1].pk, MARCH)
    roll_up_now()
    return redemptions


def test_reports_stay_the_same_after_months_are_dropped(coupon: CouponDefinition, rows: list[CouponRedemption]) -> None:
    before = report_rows(coupon)

    assert retention.purge_old_months(at=AT) == TABLES

    assert CouponRedemption.objects.count() == 0
    assert report_rows(coupon) == before
    roll_up_now()
    assert report_rows(coupon) == before
    assert list(check(at=AT, repair=False)) == []
    assert retention.purge_old_months(at=AT) == []


def test_a_dropped_month_shares_buckets_with_the_next_month(
    coupon: CouponDefinition, rows: list[CouponRedemption]
) -> None:
    before = report_rows(coupon)

    assert retention.purge_old_months(at=datetime(2025, 2, 28, tzinfo=UTC)) == TABLES[:1]
    assert report_rows(coupon) == before

    return_redemption(rows[3].pk, AT)  # its bucket has archived redemptions, too
    for _ in range(2):
        report = reports.coupon_report(
            coupon=coupon, unit=Interval.MONTH, timezone=ZoneInfo("UTC"), start=JANUARY, end=MARCH, at=AT
        )
        assert [(period.sums.redemptions, period.sums.refunded) for period in report.periods] == [(2, 1), (2, 1)]
        roll_up_now()
    assert list(check(at=AT, repair=False)) == []


def test_an_edge_inside_an_archived_bucket_counts_at_its_start(
    coupon: CouponDefinition, rows: list[CouponRedemption]
) -> None:
    retention.purge_old_months(at=AT)

    def redemptions(start: datetime) -> int:
        report = reports.coupon_report(
            coupon=coupon, unit=Interval.DAY, timezone=ZoneInfo("UTC"), start=start, end=MARCH, at=AT
        )
        return report.total.redemptions

    assert redemptions(FEBRUARY) == 2
    assert redemptions(FEBRUARY + timedelta(seconds=1)) == 0


def test_nothing_is_dropped_without_a_retention_period(
    coupon: CouponDefinition, rows: list[CouponRedemption], settings: Any
) -> None:
    settings.REDEMPTION_RETENTION_MONTHS = 0

    assert retention.purge_old_months(at=AT) == []
    assert CouponRedemption.objects.count() == 5


@pytest.mark.parametrize(
    ("at", "dropped"),
    [
        (datetime(2025, 1, 31, 23, 59, tzinfo=UTC), 0),
        (datetime(2025, 2, 1, tzinfo=UTC), 1),
        (datetime(2025, 2, 28, 23, 59, tzinfo=UTC), 1),
        (datetime(2025, 3, 1, tzinfo=UTC), 2),
    ],
)
def test_whole_months_are_kept_for_the_retention_period(at: datetime, dropped: int) -> None:
    assert retention.purge_old_months(at=at) == TABLES[:dropped]


def test_a_month_is_kept_while_one_of_its_coupons_is_active(
    rows: list[CouponRedemption], coupon: CouponDefinition
) -> None:
    store_redemptions(build_aged(create_coupon(start_date=JANUARY, end_date=AT + timedelta(seconds=1)), JANUARY))
    roll_up_now()

    assert retention.purge_old_months(at=AT) == TABLES[1:]
    assert CouponRedemption.objects.count() == 5
    assert retention.purge_old_months(at=AT + timedelta(seconds=1)) == TABLES[:1]


def test_a_month_is_kept_while_it_has_reservations(coupon: CouponDefinition) -> None:
    store_redemptions(build_aged(coupon, JANUARY, RedemptionStatus.RESERVED))

    assert retention.purge_old_months(at=AT) == TABLES[1:]
    assert CouponRedemption.objects.count() == 1


def test_a_month_is_kept_while_its_results_lack_redemptions(
    coupon: CouponDefinition, rows: list[CouponRedemption]
) -> None:
    ResultBucket.objects.filter(currency="JPY").update(confirmed=0, discount=0)
    [line] = iter_report_differences(coupons=[coupon.pk], at=AT)
    assert "JPY" in line

    assert retention.purge_old_months(at=AT) == []
    assert CouponRedemption.objects.count() == 5

    assert len(list(rollup.check(at=AT, repair=True))) == 3  # of the coupon, the kind and the brand
    assert retention.purge_old_months(at=AT) == TABLES


def test_results_of_a_running_coupon_must_match_its_redemptions(coupon: CouponDefinition) -> None:
    running = create_coupon()
    [redemption] = store_redemptions(build_redemption(running, AT))
    assert list(iter_report_differences(coupons=None, at=AT)) == []

    CouponRedemption.objects.filter(pk=redemption.pk).delete()

    [line] = iter_report_differences(coupons=None, at=AT)
    assert line == (
        f"coupon {running.pk}: results of 2025-03-17T00:00Z, EUR: confirmed, returned, discount [1, 0, 100] stored,"
        " [0, 0, 0] counted"
    )
