"""Consistency checks of coupons."""

from datetime import datetime, timedelta

import pytest

from core.ids import uuid7
from coupons import consistency, services
from coupons.contracts import RedemptionRequest
from coupons.models import CouponDefinition, CouponRedemption, RedeemedCode
from redemptions.limits.models import Limit, LimitUnit
from tests.factories import CouponFactory, CustomerFactory

pytestmark = pytest.mark.django_db


def check(at: datetime, *, repair: bool = False) -> list[str]:
    return list(consistency.check(at=at, repair=repair))


def redeem(strategy: str, at: datetime) -> tuple[CouponDefinition, CouponRedemption]:
    coupon = CouponFactory(maximum_number_of_coupons=9, maximum_number_of_coupons_per_user=2, limit_strategy=strategy)
    request = RedemptionRequest(uuid7(), CustomerFactory().pk)
    return coupon, services.redeem(coupon=coupon.pk, request=request, at=at)


@pytest.mark.parametrize("strategy", ["exact", "sharded"])
def test_a_wrong_counter_is_reported_and_repaired(strategy: str, at: datetime) -> None:
    coupon, redemption = redeem(strategy, at)
    row = Limit.objects.filter(owner=coupon.pk, scope__startswith="total", shard=redemption.unit or 0)
    row.update(taken=0)

    (line,) = check(at)
    assert line.startswith(f"coupon {coupon.pk}: {strategy} shard {redemption.unit}: 0 of ")
    assert line.endswith(" stored, 1 counted")
    assert check(at, repair=True) == [f"{line}: repaired"]

    assert row.get().taken == 1
    assert check(at) == []


def test_a_count_above_the_cap_is_reported_and_not_repaired(at: datetime) -> None:
    coupon, _ = redeem("exact", at)
    Limit.objects.filter(owner=coupon.pk, scope="total:exact").update(taken=0, cap=0)

    (line,) = check(at, repair=True)

    assert line.endswith("0 of 0 stored, 1 counted")


def test_a_wrong_count_of_a_customer_is_reported_and_repaired(at: datetime) -> None:
    coupon, redemption = redeem("exact", at)
    counts = Limit.objects.filter(owner=coupon.pk, scope="customer", slot=str(redemption.customer_id))
    counts.update(taken=2)

    assert len(check(at, repair=True)) == 1
    assert counts.get().taken == 1
    counts.delete()
    assert len(check(at, repair=True)) == 1
    assert check(at) == []


def test_wrongly_free_and_wrongly_used_units_are_reported_and_repaired(at: datetime) -> None:
    coupon, redemption = redeem("pool", at)
    unit = LimitUnit.objects.filter(owner=coupon.pk, number=redemption.unit or 0)
    unit.update(redemption_id=None)
    other = LimitUnit.objects.filter(owner=coupon.pk).exclude(number=redemption.unit or 0).order_by("number")[:1]
    LimitUnit.objects.filter(owner=coupon.pk, number=other[0].number).update(redemption_id=uuid7())

    lines = check(at, repair=True)

    assert len(lines) == 2
    assert all(line.endswith(": repaired") for line in lines)
    assert unit.get().redemption_id == redemption.pk
    assert check(at) == []


def test_a_code_used_by_an_inactive_redemption_is_reported_and_repaired(at: datetime) -> None:
    RedeemedCode.objects.create(coupon_id=uuid7(), code="LOST", redemption_id=uuid7())

    (line,) = check(at, repair=True)

    assert "code LOST" in line
    assert check(at) == []


def test_an_overdue_reservation_is_reported(at: datetime) -> None:
    coupon = CouponFactory()
    request = RedemptionRequest(uuid7(), CustomerFactory().pk, reserved_until=at)
    redemption = services.redeem(coupon=coupon.pk, request=request, at=at - timedelta(minutes=1))

    assert check(at + timedelta(minutes=5)) == []
    (line,) = check(at + timedelta(minutes=11))
    assert str(redemption.pk) in line

    services.expire_due(at=at + timedelta(minutes=11))
    assert check(at + timedelta(minutes=11)) == []
