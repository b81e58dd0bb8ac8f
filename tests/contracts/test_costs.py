"""What each hot request asks of the database: a query more is a decision, not an accident."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Brand
from tests.factories import BrandFactory, CampaignFactory, CouponFactory, DiscountCodeFactory, ShopperFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
USES, QUOTE, REDEMPTIONS = "/api/v1/discountcodeusage/", "/api/v1/checkout/quote/", "/api/v1/checkout/redemptions/"
FIRST_LOGIN = "/api/v1/campaigns/{}/first-login/"
CART = {
    "currency": "EUR",
    "lines": [{"id": str(number), "sku": f"sku-{number}", "quantity": 2, "unit_price": "9.99"} for number in range(10)],
    "codes": ["TEN"],
}


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory()
    DiscountCodeFactory(text="TEN", brand=made)
    return made


@pytest.fixture
def cost() -> Callable[..., int]:
    """How many statements a POST runs, savepoints apart."""

    def run(client: Client, path: str, body: object = None, status: int = 201, **headers: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            response = client.post(path, body or {}, content_type="application/json", headers=headers)
        assert response.status_code == status, response.content
        statements = [query["sql"] for query in captured.captured_queries]
        assert not any("pghistory" in statement for statement in statements)
        return len([one for one in statements if not one.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))])

    return run


def test_a_use_is_one_statement(brand: Brand, shopper_client: ClientOf, cost: Callable[..., int]) -> None:
    assert cost(shopper_client(ShopperFactory()), USES, {"discount_code": "TEN"}) == 1
    assert (
        cost(shopper_client(ShopperFactory()), USES, {"discount_code": "TEN", "amount": "9.99", "currency": "EUR"}) == 1
    )


def test_a_refused_use_is_one_statement_too(brand: Brand, shopper_client: ClientOf, cost: Callable[..., int]) -> None:
    client = shopper_client(ShopperFactory())
    cost(client, USES, {"discount_code": "TEN"})

    assert cost(client, USES, {"discount_code": "TEN"}, status=409) == 1
    assert cost(client, USES, {"discount_code": "NONE"}, status=404) == 1


def test_an_idempotency_key_adds_three_and_a_replay_is_two(
    brand: Brand, shopper_client: ClientOf, cost: Callable[..., int]
) -> None:
    client = shopper_client(ShopperFactory())

    assert cost(client, USES, {"discount_code": "TEN"}, **{"Idempotency-Key": "1"}) == 1 + 3  # lock, look, keep
    assert cost(client, USES, {"discount_code": "TEN"}, **{"Idempotency-Key": "1"}) == 2


def test_a_first_login_is_one_statement_whatever_the_answer(shopper_client: ClientOf, cost: Callable[..., int]) -> None:
    CampaignFactory(slug="spring", quota=1)
    CampaignFactory(slug="over", status="closed")
    winner, loser = shopper_client(ShopperFactory()), shopper_client(ShopperFactory())

    assert cost(winner, FIRST_LOGIN.format("spring")) == 1
    assert cost(winner, FIRST_LOGIN.format("spring"), status=200) == 1
    assert cost(loser, FIRST_LOGIN.format("spring"), status=200) == 1
    assert cost(loser, FIRST_LOGIN.format("over"), status=409) == 1
    assert cost(loser, FIRST_LOGIN.format("none"), status=404) == 1


def test_a_shoppers_quote_of_a_code_is_four_at_most(
    brand: Brand, shopper_client: ClientOf, cost: Callable[..., int]
) -> None:
    assert cost(shopper_client(ShopperFactory()), QUOTE, CART, status=200) <= 4


def test_a_redemption_and_its_end(brand: Brand, brand_client: ClientOf, cost: Callable[..., int]) -> None:
    client = brand_client(brand)
    body = CART | {"order": "1", "customer_id": "c1"}
    cost(client, REDEMPTIONS, body | {"order": "0", "codes": []})  # the key's first use, the customer's first order

    assert cost(client, REDEMPTIONS, body) <= 12
    (made, _) = client.get(REDEMPTIONS).json()["results"]
    assert cost(client, f"{REDEMPTIONS}{made['id']}/confirm/", status=200) <= 10
    assert cost(client, f"{REDEMPTIONS}{made['id']}/confirm/", status=200) <= 7
    assert cost(client, f"{REDEMPTIONS}{made['id']}/refund/", status=200) <= 14


def test_an_order_with_a_coupon_and_its_end(shopper_client: ClientOf, cost: Callable[..., int]) -> None:
    CouponFactory(text="TEN", maximum_number_of_coupons=500, maximum_number_of_coupons_per_user=1)
    client = shopper_client(ShopperFactory())

    assert cost(client, REDEMPTIONS, CART | {"order": "1"}) <= 12
    (made,) = client.get(REDEMPTIONS).json()["results"]
    assert cost(client, f"{REDEMPTIONS}{made['id']}/confirm/", status=200) <= 8
