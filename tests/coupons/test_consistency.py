"""Coupons counted again from their redemptions."""

from datetime import datetime, timedelta

import pytest

from core.ids import uuid7
from coupons import consistency, services
from coupons.contracts import RedemptionRequest
from coupons.models import CouponCounter, CouponDefinition, CouponRedemption, CouponUnit, RedeemedCode
from coupons.models import UserCouponRedemption as UserCount
from tests.factories import CouponFactory, CustomerFactory

pytestmark = pytest.mark.django_db


def audit(at: datetime, *, repair: bool = False) -> list[str]:
    return list(consistency.check(at=at, repair=repair))


def taken(strategy: str, at: datetime) -> tuple[CouponDefinition, CouponRedemption]:
    coupon = CouponFactory(maximum_number_of_coupons=9, maximum_number_of_coupons_per_user=2, limit_strategy=strategy)
    asked = RedemptionRequest(uuid7(), CustomerFactory().pk)
    return coupon, services.redeem(coupon=coupon.pk, asked=asked, at=at)


@pytest.mark.parametrize("strategy", ["exact", "sharded"])
def test_a_counter_that_differs_is_told_and_mended(strategy: str, at: datetime) -> None:
    coupon, made = taken(strategy, at)
    row = CouponCounter.objects.filter(coupon_id=coupon.pk, shard=made.unit or 0)
    row.update(taken=0)

    (line,) = audit(at)
    assert f"coupon {coupon.pk}: {strategy} shard {made.unit} says 0 of" in line
    assert audit(at, repair=True) == [f"{line}: mended"]

    assert row.get().taken == 1
    assert audit(at) == []


def test_more_than_the_cap_is_told_and_not_hidden(at: datetime) -> None:
    coupon, _ = taken("exact", at)
    CouponCounter.objects.filter(coupon_id=coupon.pk).update(taken=0, cap=0)

    (line,) = audit(at, repair=True)

    assert line.endswith("says 0 of 0, is 1")


def test_a_customers_count_that_differs_is_told_and_mended(at: datetime) -> None:
    coupon, made = taken("exact", at)
    mine = UserCount.objects.filter(coupon=coupon, customer_id=made.customer_id)
    mine.update(redemption_count=2)

    assert len(audit(at, repair=True)) == 1
    assert mine.get().redemption_count == 1
    mine.delete()
    assert len(audit(at, repair=True)) == 1
    assert audit(at) == []


def test_a_unit_that_nothing_has_and_one_that_is_not_had_are_told_and_mended(at: datetime) -> None:
    coupon, made = taken("pool", at)
    unit = CouponUnit.objects.filter(coupon_id=coupon.pk, number=made.unit or 0)
    unit.update(redemption_id=None)
    other = CouponUnit.objects.filter(coupon_id=coupon.pk).exclude(number=made.unit or 0).order_by("number")[:1]
    CouponUnit.objects.filter(coupon_id=coupon.pk, number=other[0].number).update(redemption_id=uuid7())

    lines = audit(at, repair=True)

    assert len(lines) == 2
    assert all(line.endswith(": mended") for line in lines)
    assert unit.get().redemption_id == made.pk
    assert audit(at) == []


def test_a_spent_code_whose_redemption_does_not_stand_is_told_and_mended(at: datetime) -> None:
    RedeemedCode.objects.create(code="LOST", redemption_id=uuid7())

    (line,) = audit(at, repair=True)

    assert "code LOST" in line
    assert audit(at) == []


def test_a_reservation_that_nobody_swept_is_told(at: datetime) -> None:
    coupon = CouponFactory()
    asked = RedemptionRequest(uuid7(), CustomerFactory().pk, reserved_until=at)
    made = services.redeem(coupon=coupon.pk, asked=asked, at=at - timedelta(minutes=1))

    assert audit(at + timedelta(minutes=5)) == []
    (line,) = audit(at + timedelta(minutes=11))
    assert str(made.pk) in line

    services.expire_due(at=at + timedelta(minutes=11))
    assert audit(at + timedelta(minutes=11)) == []
