"""Number of statements of each hot request: an additional query is a decision, not an accident."""

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
USAGE, QUOTE, REDEMPTIONS = "/api/v1/discountcodeusage/", "/api/v1/checkout/quote/", "/api/v1/checkout/redemptions/"
FIRST_LOGIN = "/api/v1/campaigns/{}/first-login/"
CART = {
    "currency": "EUR",
    "lines": [{"id": str(number), "sku": f"sku-{number}", "quantity": 2, "unit_price": "9.99"} for number in range(10)],
    "codes": ["TEN"],
}


@pytest.fixture
def brand() -> Brand:
    created: Brand = BrandFactory()
    DiscountCodeFactory(text="TEN", brand=created)
    return created


@pytest.fixture
def statement_count() -> Callable[..., int]:
    """Function that sends a POST and returns its number of statements, without savepoints."""

    def run(client: Client, path: str, body: object = None, status: int = 201, **headers: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            response = client.post(path, body or {}, content_type="application/json", headers=headers)
        assert response.status_code == status, response.content
        statements = [query["sql"] for query in captured.captured_queries]
        assert not any("pghistory" in statement for statement in statements)
        return len(
            [statement for statement in statements if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))]
        )

    return run


def test_redeeming_a_code_takes_one_statement(
    brand: Brand, shopper_client: ClientOf, statement_count: Callable[..., int]
) -> None:
    assert statement_count(shopper_client(ShopperFactory()), USAGE, {"discount_code": "TEN"}) == 1
    assert (
        statement_count(
            shopper_client(ShopperFactory()), USAGE, {"discount_code": "TEN", "amount": "9.99", "currency": "EUR"}
        )
        == 1
    )


def test_rejected_code_takes_one_statement(
    brand: Brand, shopper_client: ClientOf, statement_count: Callable[..., int]
) -> None:
    client = shopper_client(ShopperFactory())
    statement_count(client, USAGE, {"discount_code": "TEN"})

    assert statement_count(client, USAGE, {"discount_code": "TEN"}, status=409) == 1
    assert statement_count(client, USAGE, {"discount_code": "NONE"}, status=404) == 1


def test_idempotency_key_adds_three_statements_and_a_replay_takes_two(
    brand: Brand, shopper_client: ClientOf, statement_count: Callable[..., int]
) -> None:
    client = shopper_client(ShopperFactory())

    assert (
        statement_count(client, USAGE, {"discount_code": "TEN"}, **{"Idempotency-Key": "1"}) == 1 + 3
    )  # lock, look, keep
    assert statement_count(client, USAGE, {"discount_code": "TEN"}, **{"Idempotency-Key": "1"}) == 2


def test_first_login_takes_one_statement_whatever_the_result(
    shopper_client: ClientOf, statement_count: Callable[..., int]
) -> None:
    CampaignFactory(slug="spring", quota=1)
    CampaignFactory(slug="over", decision="ended")
    recipient, late_customer = shopper_client(ShopperFactory()), shopper_client(ShopperFactory())

    assert statement_count(recipient, FIRST_LOGIN.format("spring")) == 1
    assert statement_count(recipient, FIRST_LOGIN.format("spring"), status=200) == 1
    assert statement_count(late_customer, FIRST_LOGIN.format("spring"), status=200) == 1
    assert statement_count(late_customer, FIRST_LOGIN.format("over"), status=409) == 1
    assert statement_count(late_customer, FIRST_LOGIN.format("none"), status=404) == 1


def test_quote_with_a_code_takes_at_most_four_statements(
    brand: Brand, shopper_client: ClientOf, statement_count: Callable[..., int]
) -> None:
    assert statement_count(shopper_client(ShopperFactory()), QUOTE, CART, status=200) <= 4


def test_statements_of_a_redemption_and_its_transitions(
    brand: Brand, brand_client: ClientOf, statement_count: Callable[..., int]
) -> None:
    client = brand_client(brand)
    body = CART | {"order": "1", "customer_id": "c1"}
    statement_count(
        client, REDEMPTIONS, body | {"order": "0", "codes": []}
    )  # the key's first use, the customer's first order

    assert statement_count(client, REDEMPTIONS, body) <= 12
    (redemption, _) = client.get(REDEMPTIONS).json()["results"]
    assert statement_count(client, f"{REDEMPTIONS}{redemption['id']}/confirm/", status=200) <= 10
    assert statement_count(client, f"{REDEMPTIONS}{redemption['id']}/confirm/", status=200) <= 7
    refund = statement_count(client, f"{REDEMPTIONS}{redemption['id']}/refund/", status=200)
    assert refund <= 14 + 2  # a lock of the offers against a first limit, and their uses


def test_statements_of_an_order_with_a_coupon(shopper_client: ClientOf, statement_count: Callable[..., int]) -> None:
    CouponFactory(text="TEN", maximum_number_of_coupons=500, maximum_number_of_coupons_per_user=1)
    client = shopper_client(ShopperFactory())

    # 12, one for whether brands let shoppers reserve, one that locks the limits of coupons, in order, and three for the
    # shopper's other reservations: one locks the customer, and two count orders and coupons alone
    assert statement_count(client, REDEMPTIONS, CART | {"order": "1"}) <= 12 + 1 + 1 + 3
    (redemption,) = client.get(REDEMPTIONS).json()["results"]
    assert statement_count(client, f"{REDEMPTIONS}{redemption['id']}/confirm/", status=200) <= 8 + 1 + 1  # and the uses
