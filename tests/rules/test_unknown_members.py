"""What is not known is refused with its name, in bodies at every depth and in query strings, and nothing is stored."""

from typing import Any

import pytest

from tests.rules.api import ORDERS, QUOTE, Shop, line, percent

pytestmark = pytest.mark.django_db
SIMULATE = "promotions/simulate/"
CART: dict[str, Any] = {"customer_id": "u1", "currency": "EUR", "lines": [line()]}


def fields_of(problem: Any) -> list[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in problem["errors"]]


@pytest.mark.parametrize(
    ("kind", "members", "field"),
    [
        ("promotion", {"limits": {"totl": 1}}, "limits.totl"),
        ("promotion", {"limit": {"total": 1}}, "limit"),
        ("promotion", {"budgett": "5.00"}, "budgett"),
        ("promotion", {"offer": percent() | {"combineable": False}}, "offer.combineable"),
        ("promotion", {"offer": percent(select={"sku": ["A"]})}, "offer.benefits.0.select.sku"),
        (
            "promotion",
            {
                "offer": percent()
                | {"conditions": [{"kind": "not", "condition": {"kind": "country", "any": ["ES"], "all": []}}]}
            },
            "offer.conditions.0.condition.all",
        ),
        ("discount_code", {"rule": {"discount": 10, "minimum": "5.00"}}, "rule.minimum"),
        ("discount_code", {"rule": {"offer": percent(max_unit=1)}}, "rule.offer.benefits.0.max_unit"),
        ("discount_code", {"limits": {"per_customer": 1}}, "limits.per_customer"),
        ("discount_code", {"end_date": "2099-01-01"}, "end_date"),
        ("coupon", {"codes": {"generate": {"count": 3, "patern": "A-####"}}}, "codes.generate.patern"),
        ("coupon", {"limits": {"total": 1}}, "limits.total"),
        ("coupon", {"max_per_user": 1}, "max_per_user"),
        ("voucher", {"offer": percent(max_unit=1)}, "offer.benefits.0.max_unit"),
        ("voucher", {"limits": {"per_hour": 1}}, "limits.per_hour"),
        ("voucher", {"starts_at": "2026-01-01"}, "starts_at"),
    ],
)
def test_a_new_offer_with_an_unknown_member_is_refused(
    kind: str, members: dict[str, Any], field: str, shop: Shop
) -> None:
    problem = shop.create_answer(kind, expect=400, **members)

    assert fields_of(problem) == [(field, "unknown_field")]
    paths = {"promotion": "promotions/", "discount_code": "discountcode/", "voucher": "campaigns/"}
    assert shop.get(paths.get(kind, "coupons/"), status="active")["results"] == []


@pytest.mark.parametrize("kind", ["promotion", "discount_code", "coupon", "voucher"])
@pytest.mark.parametrize(
    ("change", "field"), [({"budgett": "1.00"}, "budgett"), ({"limits": {"per_dya": 1}}, "limits.per_dya")]
)
def test_a_change_with_an_unknown_member_changes_nothing(
    kind: str, change: dict[str, Any], field: str, shop: Shop
) -> None:
    offer = shop.create(kind, budget="9.00")

    problem = shop.change(offer, budget="8.00", **change, expect=400)

    assert fields_of(problem) == [(field, "unknown_field")]
    assert shop.get(offer.path)["budget"] == "9.00"


@pytest.mark.parametrize("path", [QUOTE, ORDERS, "checkout/offers/"])
@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"coupons": ["A"]}, "coupons"),
        ({"lines": [line(price_per_unit="1.00")]}, "lines.0.price_per_unit"),
        ({"lines": [line(1), line(2, discontable=True)]}, "lines.1.discontable"),
        ({"shipping": [{"id": "post", "cost": "1.00", "price": "1.00"}]}, "shipping.0.cost"),
        ({"customer": {"segments": ["vip"]}}, "customer.segments"),
        ({"customer": {"attributes": {}, "tier": "gold"}}, "customer.tier"),
    ],
)
def test_a_cart_with_an_unknown_member_is_refused(path: str, members: dict[str, Any], field: str, shop: Shop) -> None:
    body = CART | members | ({"order": "o1"} if path == ORDERS else {})

    problem = shop.send("post", path, body, expect=400)

    assert fields_of(problem) == [(field, "unknown_field")]
    assert shop.get(ORDERS)["results"] == []


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("refund", {"lines": ["1"], "quantity": 2}, "quantity"),
        ("refund", {"lines": [{"id": "1", "quantiy": 1}]}, "lines.0.quantiy"),
        ("refund", {"line": ["1"]}, "line"),
        ("amend", {"currency": "EUR", "lines": [line()], "codes": [], "reason": "x"}, "reason"),
        ("amend", {"currency": "EUR", "lines": [line(qty=1)]}, "lines.0.qty"),
        ("confirm", {"amount": "5.00"}, "amount"),
        ("cancel", {"reason": "x"}, "reason"),
    ],
)
def test_an_action_on_an_order_with_an_unknown_member_does_nothing(
    action: str, body: dict[str, Any], field: str, shop: Shop
) -> None:
    offer = shop.create()
    order = shop.reserve(offer) if action in {"confirm", "cancel"} else shop.buy(offer)

    problem = shop.send("post", f"{ORDERS}{order['id']}/{action}/", body, expect=400)

    assert fields_of(problem) == [(field, "unknown_field")]
    assert shop.read(order) == order


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"promotion": []}, "promotion"),
        ({"promotions": [{"id": "a", "trigger": "automatic", "offer": percent(), "x": 1}]}, "promotions.0.x"),
        (
            {"promotions": [{"id": "a", "trigger": "automatic", "offer": percent(), "limits": {"totl": 1}}]},
            "promotions.0.limits.totl",
        ),
        ({"cart": CART | {"code": "A"}}, "cart.code"),
        ({"profile": {"round": "half_up"}}, "profile.round"),
        ({"customer": {"orders": 3}}, "customer.orders"),
    ],
)
def test_a_simulation_with_an_unknown_member_is_refused(members: dict[str, Any], field: str, shop: Shop) -> None:
    cart = {"currency": "EUR", "lines": [line()]}

    problem = shop.send("post", SIMULATE, {"cart": cart, "promotions": []} | members, expect=400)

    assert (field, "unknown_field") in fields_of(problem)


@pytest.mark.parametrize(
    "path",
    [
        ORDERS, "promotions/", "discountcode/", "coupons/", "campaigns/", "redemptions/", "results/", "events/",
        "brand-grants/", "attributes/", "checkout/offers/", "coupons/report/", "keys/self/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("query", ["statsu=confirmed", "Status=active", "limit%20=5"])
def test_an_unknown_parameter_of_a_query_is_refused(path: str, query: str, shop: Shop) -> None:
    response = shop.client.get(f"/api/v1/{path}?{query}")

    assert response.status_code == 400, response.content
    (name,) = [error["field"] for error in response.json()["errors"] if error["code"] == "unknown_field"]
    assert name == query.partition("=")[0].replace("%20", " ")
