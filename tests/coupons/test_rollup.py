"""Sums of redemptions follow their rows, however late those change."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from coupons.models import CouponDefinition, CouponRedemption, DirtyBucket, RedemptionBucket, Status
from coupons.services import rollup
from tests.coupons.builders import add, coupon_of, refund, row

pytestmark = pytest.mark.django_db
NOON = datetime(2027, 3, 17, 12, tzinfo=UTC)


@pytest.fixture
def coupon() -> CouponDefinition:
    return coupon_of()


def sums() -> list[tuple[object, ...]]:
    """Every bucket: when it starts, currency, redemptions, released, refunded, discount."""
    rows = RedemptionBucket.objects.order_by("starts_at", "currency").values_list(
        "starts_at", "currency", "redemptions", "released", "refunded", "discount_total"
    )
    return [(f"{starts_at:%H:%M}", *rest) for starts_at, *rest in rows]


def test_redemptions_are_summed_by_quarters_of_an_hour_and_currency(coupon: CouponDefinition) -> None:
    add(
        row(coupon, NOON, amount=150),
        row(coupon, NOON + timedelta(minutes=14, seconds=59)),
        row(coupon, NOON + timedelta(minutes=15), currency="JPY", amount=7),
        row(coupon, NOON + timedelta(minutes=15), currency=None, amount=None),
    )

    assert rollup.roll_up() == 2
    assert sums() == [("12:00", "EUR", 2, 0, 0, 250), ("12:15", "", 1, 0, 0, 0), ("12:15", "JPY", 1, 0, 0, 7)]
    assert rollup.roll_up() == 0


def test_a_reservation_counts_when_it_is_confirmed_or_ends_unused(coupon: CouponDefinition) -> None:
    add(row(coupon, NOON, Status.RESERVED), row(coupon, NOON, Status.EXPIRED), row(coupon, NOON, Status.RELEASED))
    assert DirtyBucket.objects.count() == 1

    rollup.roll_up()

    assert sums() == [("12:00", "EUR", 0, 2, 0, 0)]


def test_a_refund_a_year_later_changes_the_bucket_of_the_redemption(coupon: CouponDefinition) -> None:
    first, _ = add(row(coupon, NOON), row(coupon, NOON))
    rollup.roll_up()

    refund(first.pk, NOON + timedelta(days=365))

    assert rollup.roll_up() == 1
    assert sums() == [("12:00", "EUR", 2, 1, 1, 100)]


def test_only_buckets_that_changed_are_summed_up_anew(coupon: CouponDefinition) -> None:
    rows = add(*(row(coupon, NOON + timedelta(days=days)) for days in range(50)))
    assert rollup.roll_up() == 50

    refund(rows[7].pk, NOON + timedelta(days=60))

    assert rollup.roll_up() == 1


def test_a_bucket_that_nothing_is_in_any_more_goes(coupon: CouponDefinition) -> None:
    (one,) = add(row(coupon, NOON))
    rollup.roll_up()

    CouponRedemption.objects.filter(pk=one.pk).update(redeemed_at=NOON + timedelta(hours=1))
    assert rollup.roll_up() == 2
    assert sums() == [("13:00", "EUR", 1, 0, 0, 100)]

    CouponRedemption.objects.filter(pk=one.pk).delete()
    rollup.roll_up()
    assert sums() == []


def test_as_much_as_is_asked_for_is_done_at_a_time_and_the_rest_later(coupon: CouponDefinition) -> None:
    for hours in range(5):
        add(row(coupon, NOON + timedelta(hours=hours)))

    assert rollup.roll_up_some(limit=3) == (3, 3)
    assert len(sums()) == 3
    assert rollup.roll_up_some(limit=3) == (2, 2)
    assert len(sums()) == 5


def test_when_the_time_is_over_the_rest_is_left_to_the_next_run(
    coupon: CouponDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup, "MARKERS_PER_RUN", 2)
    for hours in range(5):
        add(row(coupon, NOON + timedelta(hours=hours)))

    assert rollup.roll_up(budget=0) == 2
    assert rollup.roll_up() == 3


def test_what_is_rolled_back_leaves_no_note(coupon: CouponDefinition) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        add(row(coupon, NOON), row(coupon, NOON, amount=-1))

    assert not DirtyBucket.objects.exists()


def test_summing_up_costs_a_lock_and_a_statement_however_much_changed(coupon: CouponDefinition) -> None:
    add(*(row(coupon, NOON + timedelta(hours=hours)) for hours in range(40)))

    with CaptureQueriesContext(connection) as captured:
        rollup.roll_up()

    assert len([q for q in captured.captured_queries if "SAVEPOINT" not in q["sql"]]) == 3


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("coupons_bucket_is_a_quarter", {"starts_at": NOON + timedelta(minutes=5)}),
        ("coupons_bucket_sums", {"refunded": 3}),
        ("coupons_bucket_sums", {"refunded": 1, "released": 0}),
    ],
)
def test_no_bucket_says_what_cannot_be(coupon: CouponDefinition, constraint: str, change: dict[str, object]) -> None:
    add(row(coupon, NOON), row(coupon, NOON))
    rollup.roll_up()

    with pytest.raises(IntegrityError, match=constraint):
        RedemptionBucket.objects.update(**change)


# --- audit -----------------------------------------------------------------------------------------------------------
def test_sums_that_differ_from_their_rows_are_found_and_made_anew(coupon: CouponDefinition) -> None:
    add(row(coupon, NOON), row(coupon, NOON + timedelta(hours=1)))
    rollup.roll_up()
    assert list(rollup.check(at=NOON, repair=False)) == []

    RedemptionBucket.objects.filter(starts_at=NOON).update(redemptions=5)
    RedemptionBucket.objects.filter(starts_at__gt=NOON).delete()
    lines = list(rollup.check(at=NOON, repair=False))

    assert [line.partition("report says ")[2] for line in lines] == [
        "[5, 0, 0, 100] redemptions, released, refunded and EUR, its rows [1, 0, 0, 100]",
        "[0, 0, 0, 0] redemptions, released, refunded and EUR, its rows [1, 0, 0, 100]",
    ]
    assert not DirtyBucket.objects.exists()

    assert all(line.endswith(": mended") for line in rollup.check(at=NOON, repair=True))
    assert rollup.roll_up() == 2
    assert list(rollup.check(at=NOON, repair=False)) == []
    assert [redemptions for _, _, redemptions, *_ in sums()] == [1, 1]


def test_what_is_still_to_be_summed_up_is_no_difference(coupon: CouponDefinition) -> None:
    add(row(coupon, NOON))

    assert list(rollup.check(at=NOON, repair=False)) == []


def test_each_night_some_coupons_are_recounted(coupon: CouponDefinition) -> None:
    add(row(coupon, NOON))
    rollup.roll_up()
    assert rollup.check_sample() == 0

    RedemptionBucket.objects.update(redemptions=5)

    assert rollup.check_sample(coupons=0) == 0
    assert rollup.check_sample() == 1
