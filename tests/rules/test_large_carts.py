"""A shopper's request is small, because a reservation keeps its cart."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from checkout.models import Redemption
from tests.factories import ShopperFactory
from tests.rules.api import ORDERS, QUOTE, Shop, line

pytestmark = pytest.mark.django_db
LIMIT = 32 * 1024
PATHS = [QUOTE, ORDERS, "checkout/offers/"]


def body_of(path: str, size: int, **members: str) -> dict[str, Any]:
    """Return a request with a cart whose categories fill it up to a size, in bytes of JSON."""
    cart: dict[str, Any] = {"currency": "EUR", "lines": [line(brand="billo") | {"categories": []}], **members}
    if path == ORDERS:
        cart["order"] = "1"
    return cart | {"metadata": {f"key-{number}": "x" * 500 for number in range(min(50, size // 520))}}


@pytest.mark.parametrize("path", PATHS)
def test_a_large_cart_of_a_shopper_is_refused_and_kept_nowhere(
    path: str, create_shop: Callable[..., Shop], shopper_client: Callable[[User], Client]
) -> None:
    create_shop(slug="billo", checkout_by="shopper")
    shopper = shopper_client(ShopperFactory())
    large = body_of(path, LIMIT) | {"lines": [line(number, brand="billo") for number in range(200)]}

    response = shopper.post(f"/api/v1/{path}", large, content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (413, "payload_too_large")
    assert "32 kB" in response.json()["detail"]
    assert not Redemption.objects.exists()


@pytest.mark.parametrize("path", PATHS)
def test_ordinary_carts_of_shoppers_and_large_ones_of_servers_are_fine(
    path: str, create_shop: Callable[..., Shop], shopper_client: Callable[[User], Client]
) -> None:
    shop = create_shop(slug="billo", checkout_by="shopper")
    shopper = shopper_client(ShopperFactory())
    ordinary = body_of(path, 10_000) | {"lines": [line(number, brand="billo") for number in range(100)]}
    large = body_of(path, LIMIT, customer_id="u1") | {"lines": [line(number) for number in range(500)]}

    answers = [
        shopper.post(f"/api/v1/{path}", ordinary, content_type="application/json"),
        shop.client.post(f"/api/v1/{path}", large, content_type="application/json"),
    ]

    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.content for answer in answers]
