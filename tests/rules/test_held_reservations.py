"""A reservation can be held as long as a slow way to pay takes, by the server of the brand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from accounts.models import User
from tests.factories import ShopperFactory
from tests.rules.api import KINDS, ORDERS, Shop, line

pytestmark = pytest.mark.django_db
NOW = datetime(2027, 3, 26, 12, tzinfo=UTC)  # two days before the clocks change in Europe
DAY = 86_400


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [60, 3 * DAY, 7 * DAY])
def test_a_server_holds_an_order_for_days(kind: str, seconds: int, create_shop: Callable[..., Shop]) -> None:
    shop = create_shop(timezone="Europe/Madrid")
    with time_machine.travel(NOW, tick=False):
        offer = shop.create(kind, budget="5.00")
        order = shop.reserve(offer, ttl_seconds=seconds)

    expires_at = NOW + timedelta(seconds=seconds)
    assert datetime.fromisoformat(order["expires_at"]) == expires_at
    with time_machine.travel(expires_at - timedelta(seconds=1), tick=False):
        assert shop.discount(offer, "u2") == "0.00"  # the budget is held
        assert shop.confirm(order)["status"] == "confirmed"


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_held_is_free_at_once_when_the_time_is_over(kind: str, shop: Shop) -> None:
    with time_machine.travel(NOW, tick=False):
        offer = shop.create(kind, budget="5.00")
        order = shop.reserve(offer, ttl_seconds=3 * DAY)
    with time_machine.travel(NOW + timedelta(days=3), tick=False):
        shop.buy(offer, "u2")

        assert shop.confirm(order, expect=409)["code"] == "reservation_expired"


@pytest.mark.parametrize("seconds", [0, -1, 7 * DAY + 1, 1.5, "60", True])
def test_another_time_is_refused(seconds: Any, shop: Shop) -> None:
    problem = shop.reserve(shop.create(), expect=400, ttl_seconds=seconds)

    assert [error["field"] for error in problem["errors"]] == ["ttl_seconds"]
    assert shop.get(ORDERS)["results"] == []


@pytest.mark.parametrize(("seconds", "status"), [(900, 201), (901, 400), (3 * DAY, 400)])
def test_a_shopper_holds_an_order_for_a_quarter_of_an_hour(
    seconds: int, status: int, shop: Shop, shopper_client: Callable[[User], Any]
) -> None:
    shop.create()
    body = {"currency": "EUR", "lines": [line(brand="billo")], "codes": ["CODE"], "order": "o1", "ttl_seconds": seconds}

    answer = shopper_client(ShopperFactory()).post(f"/api/v1/{ORDERS}", body, content_type="application/json")

    assert answer.status_code == status, answer.content
    if status == 400:
        assert [error["field"] for error in answer.json()["errors"]] == ["ttl_seconds"]
