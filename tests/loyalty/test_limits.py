"""A kind that the platform doesn't know has the same budgets and limits as the others."""

from datetime import datetime
from typing import Any

import pytest

from accounts.models import Brand
from checkout import services
from checkout.contracts import Actor
from checkout.refunds import RefundRequest
from redemptions.errors import BudgetExhausted, UsageLimitReached
from redemptions.uses.consistency import check
from tests.factories import BrandFactory
from tests.redemptions.limited_offers import change_limits, create_offer, reserve

pytestmark = pytest.mark.django_db
KIND = "loyalty_reward"
LIMITS: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"budget": 1_500}, BudgetExhausted), ({"limit_per_day": 1}, UsageLimitReached),
    ({"limit_total": 1}, UsageLimitReached),
]  # fmt: skip


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.mark.parametrize(("limits", "error"), LIMITS)
def test_a_limit_rejects_orders_until_one_is_refunded(
    limits: dict[str, Any], error: type[Exception], brand: Brand, at: datetime
) -> None:
    reward = create_offer(KIND, brand, **limits)
    first = services.confirm(redemption=reserve(reward, at), at=at, by=Actor.SERVER)

    with pytest.raises(error):
        reserve(reward, at)
    services.return_redemption(redemption=first, request=RefundRequest(), at=at)

    assert reserve(reward, at).discount_total == 1_000
    assert list(check(at=at, repair=False)) == []


@pytest.mark.parametrize(("limits", "error"), LIMITS)
def test_a_limit_that_is_set_late_counts_what_was_used(
    limits: dict[str, Any], error: type[Exception], brand: Brand, at: datetime
) -> None:
    reward = create_offer(KIND, brand)
    reserve(reward, at)

    reward = change_limits(reward, at, **limits)

    with pytest.raises(error):
        reserve(reward, at)
    assert list(check(at=at, repair=False)) == []
