"""A shopper can't keep the uses of an offer from others by reserving them again and again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.factories import ShopperFactory
from tests.rules.api import ORDERS, Offer, Shop, line

pytestmark = pytest.mark.django_db
USES, MOST, TTL = 20, 3, 900


@pytest.fixture(autouse=True)
def long_lived_tokens(settings: Any) -> None:
    """Access tokens that don't expire while a test waits."""
    settings.ACCESS_TOKEN_MINUTES = 7 * 24 * 60


@pytest.fixture
def offer(create_shop: Callable[..., Shop]) -> Offer:
    """A coupon of Billo, which lets shoppers reserve, with twenty uses and no limit per customer."""
    return create_shop(slug="billo", checkout_by="shopper").create("coupon", maximum_number_of_coupons=USES)


def reserve(shopper: Client, offer: Offer, number: int, way: str) -> Any:
    """Reserve a use in an order, or of the coupon alone."""
    if way == "alone":
        path, body = f"{offer.path}reservations/", {"ttl_seconds": TTL, "code": offer.code}
    else:
        path, body = ORDERS, {
            "order": f"{timezone.now():%H%M%S}-{number}", "currency": "EUR", "codes": [offer.code],
            "lines": [line(brand="billo")],
        }  # fmt: skip
    return shopper.post(f"/api/v1/{path}", body, content_type="application/json")


@pytest.mark.parametrize("way", ["order", "alone"])
def test_others_get_what_one_shopper_may_not_hold(
    way: str, offer: Offer, shopper_client: Callable[[User], Client]
) -> None:
    hoarder, others = shopper_client(ShopperFactory()), [shopper_client(ShopperFactory()) for _ in range(USES - MOST)]

    held = [reserve(hoarder, offer, number, way).status_code for number in range(USES)]
    given = [reserve(other, offer, 0, way).status_code for other in others]

    assert held == [201] * MOST + [409] * (USES - MOST)
    assert given == [201] * (USES - MOST)


@pytest.mark.parametrize("way", ["order", "alone"])
def test_one_shopper_holds_less_each_time(way: str, offer: Offer, shopper_client: Callable[[User], Client]) -> None:
    hoarder, begin = shopper_client(ShopperFactory()), timezone.now().replace(microsecond=0)
    with time_machine.travel(begin, tick=False) as clock:
        rounds = []
        while timezone.now() < begin + timedelta(hours=6):
            held = [reserve(hoarder, offer, number, way).status_code for number in range(MOST)]
            rounds.append(held.count(201))
            clock.shift(timedelta(seconds=TTL))

    assert rounds[0] == MOST
    assert sum(rounds) <= 6 * MOST, "of 24 quarters of an hour, at most a quarter"
