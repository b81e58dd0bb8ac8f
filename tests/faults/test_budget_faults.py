"""Web dies between reserving and confirming while carts fight for a budget: it is spent to the cent, and no further."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from checkout.models import Redemption, Status
from checkout.services import release_expired
from promotions.models import Promotion, PromotionCounter, PromotionRedemption
from tests.factories import ApiKeyFactory, BrandFactory, PromotionFactory
from tests.faults.clients import sent_until_answered
from tests.platform import Platform

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
CARTS, CLIENTS, COVERED, OFF = 100, 8, 40, 1_000
REDEMPTIONS = "/api/v1/checkout/redemptions/"


def wave(running: Platform, name: str, credentials: str, *, confirms: bool) -> Counter[str]:
    """A hundred carts at once, of which every second is paid if ``confirms``; the discounts, and how often web died."""
    cuts: Counter[str] = Counter()

    def buy(number: int) -> str:
        body = {
            "currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "100.00"}],
            "order": f"{name}-{number}", "customer_id": f"c{number}", "codes": [],
        }  # fmt: skip
        answer, cut = sent_until_answered(running, REDEMPTIONS, body, f"{name}-{number}", credentials)
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.json()
        if confirms and number % 2:
            path = f"{REDEMPTIONS}{made['id']}/confirm/"
            confirmed, more = sent_until_answered(running, path, None, f"{name}-paid-{number}", credentials)
            assert confirmed.json()["status"] == "confirmed", confirmed.body
            cut += more
        cuts["cut"] += cut
        return str(made["quote"]["discount_total"])

    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(buy, range(CARTS))) + cuts


def spent(promotion: Promotion) -> int:
    """What the budget's rows say was taken, in minor units."""
    return sum(PromotionCounter.objects.filter(promotion=promotion, kind="budget").values_list("taken", flat=True))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("budget", [COVERED * OFF + 500, COVERED * OFF])
def test_a_budget_for_40_of_100_carts_is_never_passed_while_web_dies(dying: Platform, budget: int) -> None:
    brand = BrandFactory(slug="billo")
    promotion = PromotionFactory(brand=brand, percent="10", budget=budget)
    credentials = f"Api-Key {ApiKeyFactory(brand=brand).text}"

    # when 100 carts of 100.00 come, while web dies again and again
    seen = wave(dying, "first", credentials, confirms=True)

    # then it died indeed, and exactly 40 carts got their 10.00
    assert seen["cut"] > 5
    assert (seen["10.00"], seen["0.00"]) == (COVERED, CARTS - COVERED)
    assert spent(promotion) == COVERED * OFF <= budget

    # and what was not paid goes back, so that the next 100 carts get just that, and nothing differs in the end
    release_expired(at=timezone.now() + timedelta(hours=1))
    kept = PromotionRedemption.objects.filter(promotion=promotion, reserved_until=None).count()
    assert 0 < kept < COVERED
    assert spent(promotion) == kept * OFF
    call_command("audit_ledgers")
    again = wave(dying, "second", credentials, confirms=False)
    assert again["10.00"] == COVERED - kept
    assert spent(promotion) == COVERED * OFF
    assert not Redemption.objects.filter(status=Status.CANCELED).exists()
    call_command("audit_ledgers")
