"""Long race tests of coupon limits: 200 shoppers each try twenty times to redeem one of 500."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from core.errors import Busy, Unavailable
from core.ids import uuid7
from coupons import consistency, services
from coupons.contracts import RedemptionRequest
from coupons.errors import CouponLimitPerCustomer, CouponLimitReached
from coupons.models import CouponDefinition, CouponRedemption
from redemptions.limits import rules
from tests.factories import CouponFactory, CustomerFactory

pytestmark = [pytest.mark.race_long, pytest.mark.timeout(900), pytest.mark.django_db(transaction=True)]
RunConcurrently = Callable[..., list[Any]]
SHOPPERS, TRIES, MAXIMUM = 200, 20, 500
STRICT_STRATEGIES = ["exact", "sharded", "pool"]


def redeem_repeatedly(coupon: CouponDefinition, customer: int, at: datetime, count: int = TRIES) -> Counter[type]:
    """Count the results of repeated redemptions; each is retried while the coupon is busy, as a client does."""
    outcomes: Counter[type] = Counter()
    while outcomes.total() < count:
        try:
            outcomes[type(services.redeem(coupon=coupon.pk, request=RedemptionRequest(uuid7(), customer), at=at))] += 1
        except (Busy, Unavailable):
            continue
        except (CouponLimitReached, CouponLimitPerCustomer) as error:
            outcomes[type(error)] += 1
    return outcomes


def redeem_with_many_shoppers(
    coupon: CouponDefinition, run_concurrently: RunConcurrently, at: datetime
) -> Counter[type]:
    customers = [customer.pk for customer in CustomerFactory.create_batch(SHOPPERS)]
    results = run_concurrently(lambda customer: redeem_repeatedly(coupon, customer, at), customers)
    assert all(isinstance(result, Counter) for result in results), results
    return sum(results, Counter())


def count_confirmed(coupon: CouponDefinition) -> int:
    return CouponRedemption.objects.filter(coupon=coupon, status="confirmed").count()


@pytest.mark.parametrize("batching", [True, False], ids=["batched", "single"])
@pytest.mark.parametrize("strategy", STRICT_STRATEGIES)
def test_repeated_redemptions_never_exceed_the_limit(
    strategy: str, batching: bool, run_concurrently: RunConcurrently, at: datetime, settings: Any
) -> None:
    settings.BATCHING = batching
    coupon = CouponFactory(maximum_number_of_coupons=MAXIMUM, limit_strategy=strategy)

    outcomes = redeem_with_many_shoppers(coupon, run_concurrently, at)

    assert outcomes == {CouponRedemption: MAXIMUM, CouponLimitReached: SHOPPERS * TRIES - MAXIMUM}
    assert count_confirmed(coupon) == MAXIMUM
    assert list(consistency.check(at=at, repair=False)) == []


@pytest.mark.parametrize("batching", [True, False], ids=["batched", "single"])
def test_repeated_redemptions_stay_within_the_approximate_overshoot(
    batching: bool, run_concurrently: RunConcurrently, at: datetime, settings: Any
) -> None:
    settings.BATCHING, settings.COUPON_PROCESSES, settings.COUPON_THREADS = batching, 1, SHOPPERS
    coupon = CouponFactory(maximum_number_of_coupons=MAXIMUM, limit_strategy="approximate")

    outcomes = redeem_with_many_shoppers(coupon, run_concurrently, at)
    over = count_confirmed(coupon) - MAXIMUM
    print(f"approximate, {'batched' if batching else 'single'}: exceeded by {over}")

    assert outcomes[CouponRedemption] == count_confirmed(coupon)
    assert 0 <= over <= rules.max_overshoot(cap=MAXIMUM, processes=1, threads=SHOPPERS)


@pytest.mark.parametrize("strategy", [*STRICT_STRATEGIES, "approximate"])
def test_repeated_redemptions_never_exceed_the_limit_per_customer(
    strategy: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon = CouponFactory(
        maximum_number_of_coupons=MAXIMUM, maximum_number_of_coupons_per_user=2, limit_strategy=strategy
    )
    customer = CustomerFactory().pk

    outcomes: Counter[type] = sum(
        run_concurrently(lambda _: redeem_repeatedly(coupon, customer, at), range(50)), Counter()
    )

    assert outcomes == {CouponRedemption: 2, CouponLimitPerCustomer: 50 * TRIES - 2}
    assert count_confirmed(coupon) == 2
    assert list(consistency.check(at=at, repair=False)) == []
