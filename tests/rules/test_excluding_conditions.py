"""A condition can say that the customer is in none of some audiences, and that the cart contains none of some goods."""

from typing import Any

import pytest

from segments.services import apply_audience
from tests.rules.api import KINDS, Shop, line, percent

pytestmark = pytest.mark.django_db
NOT_WHOLESALE = {"kind": "not", "condition": {"kind": "audience", "any": ["wholesale"]}}
NEITHER = {"kind": "not", "condition": {"kind": "audience", "any": ["wholesale", "staff"]}}
NO_SALE = {"kind": "none_of", "select": {"categories": ["sale"]}}
SALE = line(2, "10.00", categories=["sale", "shoes"])


def simulate(shop: Shop, *conditions: dict[str, Any], lines: Any = None, **facts: Any) -> str:
    draft = {"id": "a", "trigger": "automatic", "offer": percent() | {"conditions": list(conditions)}}
    cart = {"currency": "EUR", "lines": lines or [line()]}
    return str(
        shop.send("post", "promotions/simulate/", {"cart": cart, "promotions": [draft]} | facts)["discount_total"]
    )


@pytest.mark.parametrize(
    ("segments", "condition", "discount"),
    [
        (["wholesale"], NOT_WHOLESALE, "0.00"),
        (["vip"], NOT_WHOLESALE, "5.00"),
        ([], NOT_WHOLESALE, "5.00"),
        (["vip", "wholesale"], NOT_WHOLESALE, "0.00"),
        (["staff"], NEITHER, "0.00"),
        (["vip"], NEITHER, "5.00"),
        (["wholesale"], {"kind": "not", "condition": NOT_WHOLESALE}, "5.00"),
        (["vip"], {"kind": "any_of", "conditions": [NOT_WHOLESALE, NO_SALE]}, "5.00"),
    ],
)
def test_a_draft_excludes_customers_of_audiences(
    segments: list[str], condition: dict[str, Any], discount: str, shop: Shop
) -> None:
    assert simulate(shop, condition, customer={"segments": segments}) == discount


@pytest.mark.parametrize(
    ("select", "lines", "discount"),
    [
        ({"categories": ["sale"]}, [line()], "5.00"),
        ({"categories": ["sale"]}, [line(), SALE], "0.00"),
        ({"skus": ["sku-2"]}, [line(), SALE], "0.00"),
        ({"skus": ["sku-3"]}, [line(), SALE], "6.00"),
        ({"categories": ["sale"], "exclude_skus": ["sku-2"]}, [line(), SALE], "6.00"),
        ({"unit_price_from": "40.00"}, [line(), SALE], "0.00"),
        ({"unit_price_to": "9.99"}, [line(), SALE], "6.00"),
    ],
)
def test_a_draft_excludes_carts_with_some_goods(
    select: dict[str, Any], lines: list[dict[str, Any]], discount: str, shop: Shop
) -> None:
    assert simulate(shop, {"kind": "none_of", "select": select}, lines=lines) == discount


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_excludes_them_at_checkout(kind: str, shop: Shop) -> None:
    apply_audience(brand=shop.brand, segment_type="wholesale", operation="add", customer_ids=["w1"])
    offer = shop.create(kind, percent() | {"conditions": [NOT_WHOLESALE, NO_SALE]})

    assert shop.discount(offer, "w1") == "0.00"
    assert shop.discount(offer, "u1") == "5.00"
    assert shop.discount(offer, "u1", lines=[line(), SALE]) == "0.00"
    if kind != "voucher":
        assert shop.reserve(offer, "w1", expect=409)["code"] == "condition_not_met"


def test_a_customer_who_joins_or_leaves_an_audience_counts_at_once(shop: Shop) -> None:
    offer = shop.create("promotion", percent() | {"conditions": [NOT_WHOLESALE]})
    discounts = [shop.discount(offer)]
    for operation in ("add", "remove"):
        apply_audience(brand=shop.brand, segment_type="wholesale", operation=operation, customer_ids=["u1"])
        discounts.append(shop.discount(offer))

    assert discounts == ["5.00", "0.00", "5.00"]
