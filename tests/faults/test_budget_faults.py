"""Web crashes between reserving and confirming while carts compete for a budget: it is spent exactly."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from checkout.models import Redemption
from checkout.services import release_expired
from promotions.models import Promotion
from redemptions.limits.models import Limit
from redemptions.statuses import RedemptionStatus
from redemptions.uses.models import OfferUse
from tests.factories import ApiKeyFactory, BrandFactory, PromotionFactory
from tests.faults.clients import send_until_response
from tests.platform import Platform

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
CARTS, CLIENTS, COVERED_CARTS, DISCOUNT = 100, 8, 40, 1_000
REDEMPTIONS = "/api/v1/checkout/redemptions/"


def send_carts(system: Platform, name: str, credentials: str, *, confirm: bool) -> Counter[str]:
    """Send a hundred carts at once, and confirm every second one if ``confirm``.

    Return the number of carts by discount, and the lost connections."""
    disconnects: Counter[str] = Counter()

    def buy(number: int) -> str:
        body = {
            "currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "100.00"}],
            "order": f"{name}-{number}", "customer_id": f"c{number}", "codes": [],
        }  # fmt: skip
        response, count = send_until_response(system, REDEMPTIONS, body, f"{name}-{number}", credentials)
        assert response.status == 201, response.body
        redemption: dict[str, Any] = response.json()
        if confirm and number % 2:
            path = f"{REDEMPTIONS}{redemption['id']}/confirm/"
            confirmed, more = send_until_response(system, path, None, f"{name}-paid-{number}", credentials)
            assert confirmed.json()["status"] == "confirmed", confirmed.body
            count += more
        disconnects["cut"] += count
        return str(redemption["quote"]["discount_total"])

    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(buy, range(CARTS))) + disconnects


def count_spent(promotion: Promotion) -> int:
    """Return what the rows of the budget count as used, in minor units."""
    return sum(Limit.objects.filter(owner=promotion.pk, scope="budget:EUR").values_list("taken", flat=True))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("budget", [COVERED_CARTS * DISCOUNT + 500, COVERED_CARTS * DISCOUNT])
def test_budget_is_never_exceeded_while_web_crashes(crashing_web: Platform, budget: int) -> None:
    brand = BrandFactory(slug="billo")
    promotion = PromotionFactory(brand=brand, percent="10", budget=budget)
    credentials = f"Api-Key {ApiKeyFactory(brand=brand).text}"

    # when 100 carts of 100.00 arrive while web crashes repeatedly
    counts = send_carts(crashing_web, "first", credentials, confirm=True)

    # then it has crashed, and exactly 40 carts have got their 10.00
    assert counts["cut"] > 5
    assert (counts["10.00"], counts["0.00"]) == (COVERED_CARTS, CARTS - COVERED_CARTS)
    assert count_spent(promotion) == COVERED_CARTS * DISCOUNT <= budget

    # and unpaid discounts are released for the next 100 carts, and no difference is left
    release_expired(at=timezone.now() + timedelta(hours=1))
    confirmed = OfferUse.objects.filter(offer_id=promotion.pk, reserved_until=None).count()
    assert 0 < confirmed < COVERED_CARTS
    assert count_spent(promotion) == confirmed * DISCOUNT
    call_command("check_consistency")
    second = send_carts(crashing_web, "second", credentials, confirm=False)
    assert second["10.00"] == COVERED_CARTS - confirmed
    assert count_spent(promotion) == COVERED_CARTS * DISCOUNT
    assert not Redemption.objects.filter(status=RedemptionStatus.RELEASED).exists()
    call_command("check_consistency")
