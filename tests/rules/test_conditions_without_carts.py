"""Conditions hold wherever an offer is redeemed: without a cart they can't be checked, so the offer needs one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.factories import ShopperFactory
from tests.rules.api import Shop, line, percent

pytestmark = pytest.mark.django_db
CONDITIONS: list[dict[str, Any]] = [
    {"kind": "audience", "any": ["vip"]},
    {"kind": "min_subtotal", "value": "50.01"},
    {"kind": "nth_order", "value": 2},
    {"kind": "date_range", "from": "2090-01-01", "to": "2090-12-31"},
    {"kind": "country", "any": ["ES"]},
    {"kind": "not", "condition": {"kind": "max_quantity", "value": 5}},
    {"kind": "none_of", "select": {"skus": ["sku-1"]}},
]
every_condition = pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition["kind"])


@pytest.fixture
def shopper(shopper_client: Callable[[User], Client]) -> Client:
    """A signed-in shopper."""
    return shopper_client(ShopperFactory(customer__customer_id="u1"))


def post(client: Client, path: str, **body: Any) -> tuple[int, str]:
    response = client.post(f"/api/v1/{path}", body, content_type="application/json")
    return response.status_code, response.json().get("code", "")


@every_condition
@pytest.mark.parametrize("action", ["redemptions", "reservations"])
def test_a_coupon_with_conditions_needs_a_cart(
    action: str, condition: dict[str, Any], shop: Shop, shopper: Client
) -> None:
    coupon = shop.create("coupon", percent() | {"conditions": [condition]}, text="VIP")

    assert post(shopper, f"{coupon.path}{action}/", code="VIP") == (409, "cart_required")
    assert post(shop.client, f"{coupon.path}{action}/", code="VIP", customer_id="u1") == (409, "cart_required")
    eligibility = shopper.get(f"/api/v1/{coupon.path}eligibility/").json()
    assert (eligibility["eligible"], eligibility["reasons"]) == (False, ["cart_required"])
    assert shop.get(coupon.path)["results"]["reserved"] == 0
    assert shop.reserve(coupon, expect=409)["code"] not in {"cart_required", "code_not_found"}


@every_condition
def test_a_discount_code_with_conditions_needs_a_cart(condition: dict[str, Any], shop: Shop, shopper: Client) -> None:
    code = shop.create("discount_code", percent() | {"conditions": [condition]})

    assert post(shopper, "discountcodeusage/", discount_code="CODE") == (409, "cart_required")
    assert shop.get(code.path)["results"]["reserved"] == 0


@pytest.mark.parametrize("conditions", [{}, {"conditions": []}])
def test_an_offer_without_conditions_needs_none(conditions: dict[str, Any], shop: Shop, shopper: Client) -> None:
    coupon = shop.create("coupon", percent() | conditions)

    assert post(shopper, f"{coupon.path}redemptions/", code="CODE")[0] == 201


def test_a_cart_that_meets_the_conditions_gets_the_coupon(shop: Shop) -> None:
    coupon = shop.create("coupon", percent() | {"conditions": [{"kind": "min_subtotal", "value": "50.01"}]})

    assert shop.reasons(coupon) == ["minimum_not_met"]
    assert shop.buy(coupon, lines=[line(1, "60.00")])["quote"]["discount_total"] == "6.00"
