"""Attributes of carts: declared per brand, checked in every cart, and kept with the order."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.contracts import Role
from accounts.models import Brand
from promotions.models import Attribute
from tests.checkout.builders import QUOTE, REDEMPTIONS, cart, error_fields, line, order, post, post_action
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory

pytestmark = pytest.mark.django_db
ATTRIBUTES, SIMULATE = "/api/v1/attributes/", "/api/v1/promotions/simulate/"
PAGE, SIMULATOR = "/admin/promotions/attribute/", "/admin/checkout/redemption/try/"
TYPES = {"tier": "string", "weight": "number", "wrapped": "boolean", "joined": "date"}


@pytest.fixture
def attributes(billo: Brand) -> None:
    Attribute.objects.bulk_create(Attribute(brand=billo, name=name, type=kind) for name, kind in TYPES.items())


@pytest.fixture
def gold(attributes: None, billo: Brand) -> None:
    """Half off in the app for gold customers with a wrapped cart and a heavy line."""
    conditions = [
        {"kind": "channel", "any": ["app"]},
        {"kind": "attribute", "name": "tier", "of": "customer", "any": ["gold"]},
        {"kind": "attribute", "name": "wrapped", "any": [True]},
        {"kind": "attribute", "name": "weight", "of": "line", "from": 10},
    ]
    PromotionFactory(
        brand=billo,
        offer={"conditions": conditions, "benefits": [{"kind": "percent", "value": "50", "on": "order"}]},
    )


GOLD: dict[str, Any] = {
    "customer_id": "c1", "channel": "app", "customer": {"attributes": {"tier": "gold"}},
    "attributes": {"wrapped": True}, "lines": [line(attributes={"weight": 12.5})],
}  # fmt: skip


# --- declarations -----------------------------------------------------------------------------------------------------
def test_a_brand_declares_lists_and_removes_attributes(server: Client, brand_client: Callable[[Any], Client]) -> None:
    created = post(server, ATTRIBUTES, {"name": "tier", "type": "string", "description": "Level"})
    answer = created.json()

    assert (created.status_code, answer["brand"], answer["name"], answer["type"]) == (201, "billo", "tier", "string")
    assert server.get(ATTRIBUTES).json()["results"] == [answer] == [server.get(f"{ATTRIBUTES}{answer['id']}/").json()]
    assert post(brand_client(BrandFactory()), ATTRIBUTES, {"name": "tier", "type": "date"}).status_code == 201
    taken = post(server, ATTRIBUTES, {"name": "tier", "type": "number"}).json()
    assert [(error["field"], error["code"]) for error in taken["errors"]] == [("name", "unique")]
    assert server.delete(f"{ATTRIBUTES}{answer['id']}/").status_code == 204
    assert server.get(ATTRIBUTES).json()["results"] == []


@pytest.mark.parametrize(
    "body", [{"name": "Tier", "type": "string"}, {"name": "1", "type": "string"}, {"name": "a", "type": "text"}, {}]
)
def test_an_invalid_attribute_is_refused(server: Client, body: dict[str, Any]) -> None:
    assert post(server, ATTRIBUTES, body).json()["code"] == "invalid"
    assert not Attribute.objects.exists()


def test_staff_declare_attributes_in_the_admin(billo: Brand) -> None:
    client = Client()
    client.force_login(MembershipFactory(brand=billo).user)
    data = {"brand": str(billo.pk), "name": "tier", "type": "string", "description": "Level"}

    assert client.post(f"{PAGE}add/", data).status_code == 302
    attribute = Attribute.objects.get()
    client.post(f"{PAGE}{attribute.pk}/change/", {"name": "other", "type": "date", "description": "Level of the app"})
    attribute.refresh_from_db()
    assert (attribute.name, attribute.type, attribute.description) == ("tier", "string", "Level of the app")
    assert "name" in client.post(f"{PAGE}add/", data | {"name": "Big Tier"}).context["adminform"].form.errors
    again = client.post(f"{PAGE}add/", data)
    assert "The brand has an attribute of this name." in again.content.decode()
    viewer = Client()
    viewer.force_login(MembershipFactory(brand=billo, role=Role.VIEWER).user)
    assert viewer.get(PAGE).status_code == 200
    assert viewer.post(f"{PAGE}add/", data | {"name": "b"}).status_code == 403


@pytest.mark.parametrize(
    ("condition", "path", "code"),
    [
        ({"name": "color", "any": ["red"]}, "name", "unknown_field"),
        ({"name": "weight", "any": ["12"]}, "any.0", "invalid"),
    ],
)
def test_an_offer_uses_declared_attributes_only(
    server: Client, attributes: None, condition: dict[str, Any], path: str, code: str
) -> None:
    Attribute.objects.create(brand=BrandFactory(), name="color", type="string")  # another brand's
    offer = {"benefits": [{"kind": "percent", "value": 5}], "conditions": [{"kind": "attribute", **condition}]}
    sale = {"name": "s", "start_date": "2099-01-01", "end_date": "2099-02-01", "trigger": "automatic", "offer": offer}
    coupon = {"title": "s", "start_date": "2099-01-01", "end_date": "2099-02-01", "offer": offer}
    rule = {"id": "CODE", "validity": "2099-01-01", "rule": {"discount": 5, "conditions": offer["conditions"]}}
    draft = {"cart": cart(), "promotions": [{"id": "p", "trigger": "automatic", "offer": offer}]}

    for url, body, prefix in (
        ("/api/v1/promotions/", sale, "offer"),
        ("/api/v1/coupons/", coupon, "offer"),
        ("/api/v1/discountcode/", rule, "rule"),
        (SIMULATE, draft, "promotions.0.offer"),
    ):
        errors = post(server, url, body).json()["errors"]
        assert [(error["field"], error["code"]) for error in errors] == [(f"{prefix}.conditions.0.{path}", code)]


# --- carts ------------------------------------------------------------------------------------------------------------
def test_a_cart_with_the_required_values_gets_the_offer(server: Client, gold: None) -> None:
    assert post(server, QUOTE, cart(**GOLD)).json()["discount_total"] == "50.00"
    for absent in ({"channel": None}, {"customer": None}, {"attributes": {"wrapped": False}}, {"lines": [line()]}):
        assert post(server, QUOTE, cart(**(GOLD | absent))).json()["discount_total"] == "0.00"


WRONG = {
    "cart": ({"attributes": {"color": "red"}}, "attributes.color", "unknown_field"),
    "line": ({"lines": [line(), line(id="b", attributes={"color": 1})]}, "lines.1.attributes.color", "unknown_field"),
    "customer": ({"customer": {"attributes": {"color": 1}}}, "customer.attributes.color", "unknown_field"),
    "text": ({"attributes": {"weight": "12"}}, "attributes.weight", "invalid"),
    "boolean": ({"attributes": {"weight": True}}, "attributes.weight", "invalid"),
    "date": ({"attributes": {"joined": "2026-13-01"}}, "attributes.joined", "invalid"),
    "object": ({"attributes": {"tier": {}}}, "attributes.tier", "invalid"),
    "null": ({"attributes": {"tier": None}}, "attributes.tier", "invalid"),
    "blank": ({"attributes": {"tier": ""}}, "attributes.tier", "invalid"),
    "no object": ({"attributes": ["tier"]}, "attributes", "invalid"),
    "channel": ({"channel": "x" * 65}, "channel", "max_length"),
}


@pytest.mark.parametrize(("changes", "path", "code"), WRONG.values(), ids=WRONG.keys())
def test_other_attributes_are_refused_with_their_paths(
    server: Client, attributes: None, changes: dict[str, Any], path: str, code: str
) -> None:
    Attribute.objects.create(brand=BrandFactory(), name="color", type="string")  # another brand's
    body = cart(customer_id="c1", **changes)

    for url, sent, prefix in (
        (QUOTE, body, ""),
        (REDEMPTIONS, body | {"order": "1"}, ""),
        ("/api/v1/checkout/offers/", body, ""),
        (SIMULATE, {"cart": body, "promotions": []}, "cart."),
    ):
        errors = post(server, url, sent).json()["errors"]
        assert [(error["field"], error["code"]) for error in errors] == [(f"{prefix}{path}", code)]


def test_attributes_of_a_line_are_those_of_its_brand(shopper: Client, attributes: None) -> None:
    Attribute.objects.create(brand=BrandFactory(slug="cake"), name="color", type="string")
    lines = [line(brand="billo", attributes={"tier": "x"}), line(id="b", brand="cake", attributes={"color": "red"})]

    assert post(shopper, QUOTE, cart(lines=lines, attributes={"tier": "x", "color": "red"})).status_code == 200
    lines[0]["attributes"] = {"color": "red"}
    assert error_fields(post(shopper, QUOTE, cart(lines=lines))) == ["lines.0.attributes.color"]
    assert error_fields(post(shopper, QUOTE, cart(attributes={"tier": "x"}))) == ["attributes.tier"]


def test_shoppers_send_no_facts_about_themselves(shopper: Client, attributes: None) -> None:
    for url in (QUOTE, REDEMPTIONS, "/api/v1/checkout/offers/"):
        body = cart(customer={"attributes": {"tier": "gold"}}) | ({"order": "1"} if url == REDEMPTIONS else {})
        assert post(shopper, url, body).status_code == 403


def test_a_cart_without_attributes_costs_no_statement(server: Client, attributes: None) -> None:
    def count(**changes: Any) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert post(server, QUOTE, cart(customer_id="c1", **changes)).status_code == 200
        return len(queries)

    count()
    plain = count(channel="app")
    assert count(attributes={"tier": "a"}, customer={"attributes": {"tier": "b"}}) == plain + 1


def test_an_order_is_priced_again_with_its_attributes(server: Client, gold: None) -> None:
    lines = [line(attributes={"weight": 12.5}), line(id="b", sku="hat", unit_price="20.00")]
    body = order(**(GOLD | {"codes": [], "lines": lines}))
    redemption = post_action(server, post(server, REDEMPTIONS, body).json(), "confirm").json()
    assert redemption["quote"]["discount_total"] == "60.00"

    kept = {"currency": "EUR", "channel": "app", "attributes": {"wrapped": True}, "lines": lines[:1]}
    amended = post_action(server, redemption, "amend", kept).json()
    assert amended["quote"]["discount_total"] == "50.00"  # the customer is as recorded
    refund = post_action(server, redemption, "refund", {"lines": [], "policy": "recompute"} | {"lines": ["a"]}).json()
    assert refund["refund"]["discount"] == "50.00"


def test_the_cart_simulator_takes_attributes_as_text(billo: Brand, gold: None) -> None:
    client = Client()
    client.force_login(MembershipFactory(brand=billo).user)
    row = {"sku": "shoe", "quantity": "1", "unit_price": "100.00", "discountable": "on", "attributes": "weight: 12.5"}
    data = {f"line-0-{name}": value for name, value in row.items()} | {
        "line-TOTAL_FORMS": "1", "line-INITIAL_FORMS": "0", "currency": "EUR", "channel": "app",
        "attributes": "wrapped: true", "customer_attributes": "tier: gold\njoined: 2026-05-01", "include_live": "on",
    }  # fmt: skip

    page = client.post(f"{SIMULATOR}?brand=billo", data)
    assert page.context["simulation"]["totals"][1][1] == "€50.00"
    wrong = client.post(f"{SIMULATOR}?brand=billo", data | {"attributes": "wrapped: yes", "line-0-attributes": "x: 1"})
    assert wrong.context["form"].errors["attributes"] == ["The attribute wrapped is true or false."]
    assert wrong.context["lines"][0].errors["attributes"] == ["The brand has no attribute x."]
