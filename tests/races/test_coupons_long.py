"""The races for a coupon's maximum at length: 200 shoppers who each try twenty times for 500."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from core.errors import Busy, Unavailable
from core.ids import uuid7
from coupons import consistency, rules, services
from coupons.contracts import RedemptionRequest
from coupons.errors import CouponLimitPerCustomer, CouponLimitReached
from coupons.models import CouponDefinition, CouponRedemption
from tests.factories import CouponFactory, CustomerFactory

pytestmark = [pytest.mark.race_long, pytest.mark.timeout(900), pytest.mark.django_db(transaction=True)]
RunConcurrently = Callable[..., list[Any]]
SHOPPERS, TRIES, MAXIMUM = 200, 20, 500
STRICT = ["exact", "sharded", "pool"]


def tries(coupon: CouponDefinition, customer: int, at: datetime, number: int = TRIES) -> Counter[type]:
    """What became of so many tries; each is made again while the coupon is busy, as a client would."""
    outcomes: Counter[type] = Counter()
    while outcomes.total() < number:
        try:
            outcomes[type(services.redeem(coupon=coupon.pk, request=RedemptionRequest(uuid7(), customer), at=at))] += 1
        except (Busy, Unavailable):
            continue
        except (CouponLimitReached, CouponLimitPerCustomer) as refusal:
            outcomes[type(refusal)] += 1
    return outcomes


def many(coupon: CouponDefinition, run_concurrently: RunConcurrently, at: datetime) -> Counter[type]:
    customers = [customer.pk for customer in CustomerFactory.create_batch(SHOPPERS)]
    results = run_concurrently(lambda one: tries(coupon, one, at), customers)
    assert all(isinstance(result, Counter) for result in results), results
    return sum(results, Counter())


def standing(coupon: CouponDefinition) -> int:
    return CouponRedemption.objects.filter(coupon=coupon, status="confirmed").count()


@pytest.mark.parametrize("batching", [True, False], ids=["together", "each alone"])
@pytest.mark.parametrize("strategy", STRICT)
def test_200_shoppers_trying_20_times_redeem_500_exactly_500_times(
    strategy: str, batching: bool, run_concurrently: RunConcurrently, at: datetime, settings: Any
) -> None:
    settings.BATCHING = batching
    coupon = CouponFactory(maximum_number_of_coupons=MAXIMUM, limit_strategy=strategy)

    outcomes = many(coupon, run_concurrently, at)

    assert outcomes == {CouponRedemption: MAXIMUM, CouponLimitReached: SHOPPERS * TRIES - MAXIMUM}
    assert standing(coupon) == MAXIMUM
    assert list(consistency.check(at=at, repair=False)) == []


@pytest.mark.parametrize("batching", [True, False], ids=["together", "each alone"])
def test_200_shoppers_trying_20_times_exceed_an_approximate_500_within_its_bound(
    batching: bool, run_concurrently: RunConcurrently, at: datetime, settings: Any
) -> None:
    settings.BATCHING, settings.COUPON_PROCESSES, settings.COUPON_THREADS = batching, 1, SHOPPERS
    coupon = CouponFactory(maximum_number_of_coupons=MAXIMUM, limit_strategy="approximate")

    outcomes = many(coupon, run_concurrently, at)
    over = standing(coupon) - MAXIMUM
    print(f"approximate, {'together' if batching else 'each alone'}: exceeded by {over}")

    assert outcomes[CouponRedemption] == standing(coupon)
    assert 0 <= over <= rules.max_overshoot(cap=MAXIMUM, processes=1, threads=SHOPPERS)


@pytest.mark.parametrize("strategy", [*STRICT, "approximate"])
def test_50_requests_of_one_shopper_trying_20_times_redeem_a_limit_of_two_twice(
    strategy: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(
        maximum_number_of_coupons=MAXIMUM, maximum_number_of_coupons_per_user=2, limit_strategy=strategy
    )
    one = CustomerFactory().pk

    outcomes: Counter[type] = sum(run_concurrently(lambda _: tries(coupon, one, at), range(50)), Counter())

    assert outcomes == {CouponRedemption: 2, CouponLimitPerCustomer: 50 * TRIES - 2}
    assert standing(coupon) == 2
    assert list(consistency.check(at=at, repair=False)) == []
