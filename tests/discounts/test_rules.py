"""Discount rules: percentages with terms, other offers, and equal rules."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Brand
from core.errors import InvalidRequest
from discounts import emails
from discounts.models import DiscountCode, DiscountRule
from discounts.services import create_code, create_rule, rename_rule
from tests.checkout.builders import QUOTE, REDEMPTIONS, cart, line, post
from tests.factories import BrandFactory, MembershipFactory, ShopperFactory

pytestmark = pytest.mark.django_db
CODES, USAGE = "/api/v1/discountcode/", "/api/v1/discountcodeusage/"
FIVE_OFF = {"benefits": [{"kind": "amount", "value": "5.00", "on": "order"}]}
FREE_SHIPPING = {"benefits": [{"kind": "percent", "value": "100", "on": "shipping"}]}
THREE_FOR_TWO = {"benefits": [{"kind": "buy_get", "buy": {"quantity": 2}, "get": {"quantity": 1, "percent": "100"}}]}


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def server(billo: Brand, brand_client: Callable[[Brand], Client]) -> Client:
    return brand_client(billo)


def code_of(billo: Brand, at: datetime, rule: dict[str, Any], text: str = "GIFT") -> DiscountCode:
    return create_code(brand=billo, text=text, rule=rule, validity=at + timedelta(days=9), notify=True, by=None, at=at)


@pytest.mark.parametrize(("offer", "discount"), [(FIVE_OFF, "5.00"), (FREE_SHIPPING, "4.99"), (THREE_FOR_TWO, "10.00")])
def test_a_code_gives_any_offer_at_checkout(offer: dict[str, Any], discount: str, server: Client) -> None:
    body = {"id": "GIFT", "rule": {"offer": offer, "name": "A gift"}, "validity": "2099-01-31"}
    created = post(server, CODES, body)
    assert created.status_code == 201, created.content
    assert (created.json()["rule"]["discount"], created.json()["rule"]["offer"]) == (None, offer)

    lines = [line(quantity=3, unit_price="10.00")]
    order = cart(lines=lines, shipping="4.99", codes=["gift"], customer_id="c1")
    quote = post(server, QUOTE, order).json()
    redemption = post(server, REDEMPTIONS, order | {"order": "1"}).json()

    assert [(one["name"], one["amount"]) for one in quote["applied"]] == [("A gift", discount)]
    assert redemption["quote"]["discount_total"] == discount


def test_a_code_with_another_offer_needs_a_cart(
    billo: Brand, at: datetime, shopper_client: Callable[..., Client]
) -> None:
    code = code_of(billo, at, {"offer": FIVE_OFF})
    DiscountCode.objects.update(start_date=datetime(2026, 1, 1).astimezone())

    response = post(shopper_client(ShopperFactory()), USAGE, {"discount_code": code.code})

    assert (response.status_code, response.json()["code"]) == (409, "cart_required")


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ({"offer": FIVE_OFF, "discount": 10}, ["rule.discount"]),
        ({"offer": FIVE_OFF, "max_units": 1}, ["rule.max_units"]),
        ({"offer": FIVE_OFF, "colour": 1}, ["rule.colour"]),
        ({"offer": {}}, ["rule.offer.benefits"]),
        ({"offer": {"benefits": [{"kind": "amount", "value": "1.001"}]}}, ["rule.offer.benefits.0.value"]),
        ({"offer": "free"}, ["rule.offer"]),
    ],
)
def test_a_wrong_offer_is_refused_with_its_path(rule: dict[str, Any], fields: list[str], server: Client) -> None:
    response = post(server, CODES, {"id": "GIFT", "rule": rule, "validity": "2099-01-31"})

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == fields
    assert not DiscountRule.objects.exists()


def test_equal_rules_of_a_brand_are_one(billo: Brand, at: datetime) -> None:
    terms: dict[str, Any] = {"discount": 10, "conditions": [{"kind": "min_subtotal", "value": "50"}]}

    codes = [code_of(billo, at, dict(reversed(terms.items())), f"CODE{number}") for number in range(3)]
    others: list[dict[str, Any]] = [
        {"discount": 11},
        {"discount": 10},
        {"discount": 10, "name": "Ten"},
        {"offer": FIVE_OFF},
    ]

    assert len({code.rule_id for code in codes}) == 1
    assert len({create_rule(brand=billo, fields=fields).pk for fields in [terms, *others]}) == 5
    assert create_rule(brand=BrandFactory(), fields=terms).pk != codes[0].rule_id


def test_a_rule_can_not_be_renamed_to_an_equal_one(billo: Brand) -> None:
    first, second = (create_rule(brand=billo, fields={"discount": 10, "name": name}) for name in ("One", "Two"))

    with pytest.raises(InvalidRequest) as refused:
        rename_rule(rule=second, name="One")
    renamed = rename_rule(rule=first, name="Three")

    assert [error["field"] for error in refused.value.errors or []] == ["rule.name"]
    assert create_rule(brand=billo, fields={"discount": 10, "name": "Three"}).pk == renamed.pk


def test_the_database_rejects_a_rule_with_both_and_with_neither(billo: Brand) -> None:
    rule = create_rule(brand=billo, fields={"discount": 10})

    for change in ({"offer": FIVE_OFF}, {"discount": None}):
        with pytest.raises(IntegrityError, match="discounts_rule_percentage"), transaction.atomic():
            DiscountRule.objects.filter(pk=rule.pk).update(**change)


def test_the_announcement_of_another_offer_names_no_percentage(billo: Brand, at: datetime) -> None:
    code = code_of(billo, at, {"offer": FIVE_OFF})

    content = emails.build_announcement(key="", data={"offer": str(code.offer_id)}, at=at)

    assert content is not None
    assert content.subject == "A discount at Billo with code GIFT"
    for body in (content.text, content.html):
        assert "€5.00 off the order" in body
        assert "%" not in body.replace("100%", "").partition("<body")[2 if "<body" in body else 0]


# --- the page ---------------------------------------------------------------------------------------------------------
def offer_data(prefix: str = "offer") -> dict[str, Any]:
    return {
        f"{prefix}-benefits": "1", f"{prefix}-conditions": "0", f"{prefix}-benefits-0-kind": "amount",
        f"{prefix}-benefits-0-value": "5.00", f"{prefix}-benefits-0-on": "order",
    }  # fmt: skip


def test_the_page_creates_a_code_with_another_offer(client: Client, billo: Brand) -> None:
    client.force_login(MembershipFactory(brand=billo).user)
    data = {"text": "GIFT", "discount_type": "other", "end_date_0": "2099-01-31", "end_date_1": "23:59"}
    data |= {"end_date": "2099-01-31T23:59:00"} | offer_data()

    response = client.post(reverse("admin:discounts_discountcode_add"), data)

    assert response.status_code == 302, response.context["adminform"].form.errors
    assert DiscountCode.objects.get().rule.document["benefits"] == FIVE_OFF["benefits"]


def test_the_page_ignores_an_offer_that_is_not_chosen(client: Client, billo: Brand) -> None:
    client.force_login(MembershipFactory(brand=billo).user)
    data = {"text": "TEN", "discount_type": "percentage", "discount": "10", "end_date": "2099-01-31T23:59:00"}

    response = client.post(reverse("admin:discounts_discountcode_add"), data | {"offer-benefits-0-kind": "amount"})

    assert response.status_code == 302, response.context["adminform"].form.errors
    assert DiscountCode.objects.get().rule.discount == 10


def test_the_pages_of_a_code_describe_its_offer(client: Client, billo: Brand, at: datetime) -> None:
    code = code_of(billo, at, {"offer": FIVE_OFF})
    client.force_login(MembershipFactory(brand=billo).user)

    for path in (
        reverse("admin:discounts_discountcode_changelist"),
        reverse("admin:discounts_discountcode_change", args=[code.pk]),
        reverse("admin:discounts_discountrule_changelist"),
        reverse("admin:discounts_discountrule_change", args=[code.rule_id]),
    ):
        page = client.get(path).content.decode()
        assert "€5.00 off the order" in page, path
        assert "None%" not in page
