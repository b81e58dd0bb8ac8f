"""Concurrent redemptions of every kind of offer never exceed a budget or a limit."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.selectors import shopper_of
from checkout.models import Redemption
from core.ids import uuid7
from coupons import services as coupons
from coupons.contracts import RedemptionRequest
from discounts.services import redeem_code
from redemptions.errors import BudgetExhausted, UsageLimitReached
from redemptions.limits.models import Limit
from redemptions.uses.consistency import check
from redemptions.uses.models import OfferUse
from tests.factories import BrandFactory, ShopperFactory
from tests.redemptions.limited_offers import KINDS, create_offer, create_shopper, reserve

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
ALONE = ["coupon", "discount_code"]


def redeem_alone(offer: Any, at: datetime) -> Any:
    """Redeem a discount code or a coupon for a new customer, without an order."""
    customer = ShopperFactory().customer
    if offer.offer_kind == "discount_code":
        return redeem_code(code="TEN", shopper=shopper_of(customer), amount=None, currency=None, at=at)
    return coupons.redeem(coupon=offer.pk, request=RedemptionRequest(uuid7(), customer.pk, "TEN"), at=at)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"budget": 12_500}, BudgetExhausted),
        *(({limit: 12}, UsageLimitReached) for limit in ("limit_per_day", "limit_per_month", "limit_units")),
    ],
)
def test_concurrent_orders_use_a_limit_to_the_last_unit(
    kind: str, limits: dict[str, int], error: type, run_concurrently: RunConcurrently, at: datetime
) -> None:
    offer = create_offer(kind, BrandFactory(), **limits)

    results = run_concurrently(lambda who: reserve(offer, at, who), [create_shopper() for _ in range(30)])

    assert Counter(type(result) for result in results) == {Redemption: 12, error: 18}
    assert sum(use.amount for use in OfferUse.objects.all()) == 12_000
    assert list(check(at=at, repair=False)) == []


@pytest.mark.parametrize("kind", ALONE)
def test_redemptions_with_and_without_orders_share_a_limit(
    kind: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    offer = create_offer(kind, BrandFactory(), limit_per_day=12)

    results = run_concurrently(lambda call: call(offer, at), [redeem_alone, reserve] * 15)

    assert Counter(isinstance(result, UsageLimitReached) for result in results) == {False: 12, True: 18}
    assert Limit.objects.get(scope="day").taken == OfferUse.objects.count() == 12
    assert list(check(at=at, repair=False)) == []
