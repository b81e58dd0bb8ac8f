"""Sums of redemptions follow every change of the rows, however late."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from coupons.models import CouponDefinition, CouponRedemption, DirtyBucket, RedemptionBucket
from coupons.services import rollup
from redemptions.statuses import RedemptionStatus
from tests.coupons.builders import build_redemption, create_coupon, return_redemption, store_redemptions

pytestmark = pytest.mark.django_db
NOON = datetime(2027, 3, 17, 12, tzinfo=UTC)


@pytest.fixture
def coupon() -> CouponDefinition:
    return create_coupon()


def sums() -> list[tuple[object, ...]]:
    """Return each bucket: its start, currency, redemptions, released, refunded and discount."""
    rows = RedemptionBucket.objects.order_by("starts_at", "currency").values_list(
        "starts_at", "currency", "redemptions", "released", "refunded", "discount_total"
    )
    return [(f"{starts_at:%H:%M}", *rest) for starts_at, *rest in rows]


def test_redemptions_are_summed_by_quarter_hour_and_currency(coupon: CouponDefinition) -> None:
    store_redemptions(
        build_redemption(coupon, NOON, amount=150),
        build_redemption(coupon, NOON + timedelta(minutes=14, seconds=59)),
        build_redemption(coupon, NOON + timedelta(minutes=15), currency="JPY", amount=7),
        build_redemption(coupon, NOON + timedelta(minutes=15), currency=None, amount=None),
    )

    assert rollup.roll_up() == 2
    assert sums() == [("12:00", "EUR", 2, 0, 0, 250), ("12:15", "", 1, 0, 0, 0), ("12:15", "JPY", 1, 0, 0, 7)]
    assert rollup.roll_up() == 0


def test_a_reservation_counts_when_it_is_confirmed_or_ends(coupon: CouponDefinition) -> None:
    store_redemptions(
        build_redemption(coupon, NOON, RedemptionStatus.RESERVED),
        build_redemption(coupon, NOON, RedemptionStatus.EXPIRED),
        build_redemption(coupon, NOON, RedemptionStatus.RELEASED),
    )
    assert DirtyBucket.objects.count() == 1

    rollup.roll_up()

    assert sums() == [("12:00", "EUR", 0, 2, 0, 0)]


def test_a_return_a_year_later_changes_the_bucket_of_the_redemption(coupon: CouponDefinition) -> None:
    first, _ = store_redemptions(build_redemption(coupon, NOON), build_redemption(coupon, NOON))
    rollup.roll_up()

    return_redemption(first.pk, NOON + timedelta(days=365))

    assert rollup.roll_up() == 1
    assert sums() == [("12:00", "EUR", 2, 1, 1, 100)]


def test_only_changed_buckets_are_recalculated(coupon: CouponDefinition) -> None:
    rows = store_redemptions(*(build_redemption(coupon, NOON + timedelta(days=days)) for days in range(50)))
    assert rollup.roll_up() == 50

    return_redemption(rows[7].pk, NOON + timedelta(days=60))

    assert rollup.roll_up() == 1


def test_an_empty_bucket_is_deleted(coupon: CouponDefinition) -> None:
    (redemption,) = store_redemptions(build_redemption(coupon, NOON))
    rollup.roll_up()

    CouponRedemption.objects.filter(pk=redemption.pk).update(redeemed_at=NOON + timedelta(hours=1))
    assert rollup.roll_up() == 2
    assert sums() == [("13:00", "EUR", 1, 0, 0, 100)]

    CouponRedemption.objects.filter(pk=redemption.pk).delete()
    rollup.roll_up()
    assert sums() == []


def test_a_run_processes_at_most_the_given_number_of_markers(coupon: CouponDefinition) -> None:
    for hours in range(5):
        store_redemptions(build_redemption(coupon, NOON + timedelta(hours=hours)))

    assert rollup.roll_up_some(limit=3) == (3, 3)
    assert len(sums()) == 3
    assert rollup.roll_up_some(limit=3) == (2, 2)
    assert len(sums()) == 5


def test_when_the_time_budget_is_spent_the_next_run_continues(
    coupon: CouponDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup, "MARKERS_PER_RUN", 2)
    for hours in range(5):
        store_redemptions(build_redemption(coupon, NOON + timedelta(hours=hours)))

    assert rollup.roll_up(budget=0) == 2
    assert rollup.roll_up() == 3


def test_a_rolled_back_change_leaves_no_marker(coupon: CouponDefinition) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        store_redemptions(build_redemption(coupon, NOON), build_redemption(coupon, NOON, amount=-1))

    assert not DirtyBucket.objects.exists()


def test_a_run_takes_one_lock_and_one_statement(coupon: CouponDefinition) -> None:
    store_redemptions(*(build_redemption(coupon, NOON + timedelta(hours=hours)) for hours in range(40)))

    with CaptureQueriesContext(connection) as captured:
        rollup.roll_up()

    assert len([query for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]]) == 3


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("coupons_bucket_is_a_quarter", {"starts_at": NOON + timedelta(minutes=5)}),
        ("coupons_bucket_sums", {"refunded": 3}),
        ("coupons_bucket_sums", {"refunded": 1, "released": 0}),
    ],
)
def test_the_database_rejects_impossible_sums(
    coupon: CouponDefinition, constraint: str, change: dict[str, object]
) -> None:
    store_redemptions(build_redemption(coupon, NOON), build_redemption(coupon, NOON))
    rollup.roll_up()

    with pytest.raises(IntegrityError, match=constraint):
        RedemptionBucket.objects.update(**change)


# --- consistency -----------------------------------------------------------------------------------------------------
def test_wrong_sums_are_reported_and_recalculated(coupon: CouponDefinition) -> None:
    store_redemptions(build_redemption(coupon, NOON), build_redemption(coupon, NOON + timedelta(hours=1)))
    rollup.roll_up()
    assert list(rollup.check(at=NOON, repair=False)) == []

    RedemptionBucket.objects.filter(starts_at=NOON).update(redemptions=5)
    RedemptionBucket.objects.filter(starts_at__gt=NOON).delete()
    lines = list(rollup.check(at=NOON, repair=False))

    texts = "EUR: redemptions, released, refunded, discount"
    assert [line.partition("Z, ")[2] for line in lines] == [
        f"{texts} [5, 0, 0, 100] stored, [1, 0, 0, 100] counted",
        f"{texts} [0, 0, 0, 0] stored, [1, 0, 0, 100] counted",
    ]
    assert not DirtyBucket.objects.exists()

    assert all(line.endswith(": repaired") for line in rollup.check(at=NOON, repair=True))
    assert rollup.roll_up() == 2
    assert list(rollup.check(at=NOON, repair=False)) == []
    assert [redemptions for _, _, redemptions, *_ in sums()] == [1, 1]


def test_marked_buckets_are_not_reported(coupon: CouponDefinition) -> None:
    store_redemptions(build_redemption(coupon, NOON))

    assert list(rollup.check(at=NOON, repair=False)) == []


def test_a_sample_of_coupons_is_recounted(coupon: CouponDefinition) -> None:
    store_redemptions(build_redemption(coupon, NOON))
    rollup.roll_up()
    assert rollup.check_sample() == 0

    RedemptionBucket.objects.update(redemptions=5)

    assert rollup.check_sample(coupons=0) == 0
    assert rollup.check_sample() == 1
