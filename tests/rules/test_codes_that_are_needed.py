"""A coupon with codes is redeemed by one of them, and a code that was not sent has its own error."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.factories import ShopperFactory
from tests.rules.api import Offer, Shop, percent

pytestmark = pytest.mark.django_db


@pytest.fixture
def shopper(shopper_client: Callable[[User], Client]) -> Client:
    """A signed-in shopper, who redeems coupons without an order."""
    return shopper_client(ShopperFactory())


def redeem(client: Client, coupon: Offer, action: str = "redemptions", **body: Any) -> Any:
    return client.post(f"/api/v1/{coupon.path}{action}/", body, content_type="application/json")


def errors_of(response: Any) -> list[tuple[str, str, str]]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid"), response.content
    return [(error["field"], error["code"], error["detail"]) for error in response.json()["errors"]]


@pytest.mark.parametrize("action", ["redemptions", "reservations"])
def test_a_generic_code_that_was_not_sent_has_its_own_error(action: str, shop: Shop, shopper: Client) -> None:
    coupon = shop.create("coupon", text="SUMMER")

    assert errors_of(redeem(shopper, coupon, action)) == [("code", "required", "Enter the code of this coupon.")]
    wrong = redeem(shopper, coupon, action, code="WINTER")
    assert (wrong.status_code, wrong.json()["code"]) == (404, "code_not_found")
    assert shop.get(coupon.path)["results"]["reserved"] == 0
    assert redeem(shopper, coupon, action, code="sum-mer").status_code == 201


def test_a_server_needs_the_code_too(shop: Shop) -> None:
    coupon = shop.create("coupon", text="SUMMER")

    assert errors_of(redeem(shop.client, coupon, customer_id="u1"))[0][:2] == ("code", "required")
    assert redeem(shop.client, coupon, customer_id="u1", code="SUMMER").status_code == 201


def test_a_single_use_code_that_was_not_sent_has_another_error(shop: Shop, shopper: Client) -> None:
    answer = shop.create_answer("coupon", codes={"generate": {"count": 2}})
    coupon = Offer("coupon", answer["id"], f"coupons/{answer['id']}/")

    ((field, code, detail),) = errors_of(redeem(shopper, coupon))

    assert (field, code) == ("code", "required")
    assert "single-use" in detail


def test_either_code_of_a_coupon_with_both_is_enough(shop: Shop, shopper: Client) -> None:
    coupon = shop.create("coupon", text="SUMMER")
    (single,) = shop.generate(coupon)

    assert errors_of(redeem(shopper, coupon))[0][:2] == ("code", "required")
    for code in ("SUMMER", single):
        assert redeem(shopper, coupon, code=code).status_code == 201


def test_a_coupon_whose_generic_code_was_revoked_is_not_open_to_everyone(shop: Shop, shopper: Client) -> None:
    coupon = shop.create("coupon", text="SUMMER")
    shop.send("post", "codes/SUMMER/revoke/")

    assert redeem(shopper, coupon, code="SUMMER").json()["code"] == "code_inactive"
    assert errors_of(redeem(shopper, coupon))[0][:2] == ("code", "required")


def test_a_coupon_without_codes_is_redeemed_by_its_id(shop: Shop, shopper: Client) -> None:
    terms = {"title": "x", "start_date": "2026-01-01", "end_date": "2099-01-01", "offer": percent()}
    coupon = f"coupons/{shop.send('post', 'coupons/', terms, expect=201)['id']}/"

    assert redeem(shopper, Offer("coupon", "", coupon)).status_code == 201
