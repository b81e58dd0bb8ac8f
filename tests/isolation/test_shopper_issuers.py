"""Shoppers by a brand's own login reach what its shoppers may, and nothing of other brands."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import Brand, Customer
from redemptions.events.models import Event
from tests.factories import CampaignFactory, CouponFactory, DiscountCodeFactory
from tests.isolation.conftest import World
from tests.isolation.endpoints import Row, rows
from tests.shopper_logins import open_shop

pytestmark = pytest.mark.django_db
OF_USERS = "api/v1/me/"  # what needs an account of the platform
ROWS = rows()


@pytest.fixture
def world(shared_world: World, settings: Any) -> Iterator[World]:
    """The shared world, with shoppers by the own logins of both brands."""
    with (
        open_shop(Brand.objects.get(slug="cake"), settings) as cake,
        open_shop(Brand.objects.get(slug="billo"), settings) as billo,
    ):
        shoppers = {
            name: Client(headers={"Authorization": f"Bearer {shop.sign(sub='ann')}"})
            for name, shop in (("cake shopper", cake), ("billo shopper", billo))
        }
        yield replace(shared_world, clients=shared_world.clients | shoppers)


def row_id(row: Row) -> str:
    return f"{row.method} {row.route}"


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_a_shopper_of_another_brands_login_gets_nothing(row: Row, world: World) -> None:
    path, missing = (world.path(row.route, row.ids, missing=missing) for missing in (False, True))

    response, other = (world.call("cake shopper", row.method, url, row.body) for url in (path, missing))

    assert not world.leaks(response)
    assert response.status_code in {200, 400, 403, 404}, response.content
    if row.ids:
        assert response.status_code in {400, 403, 404}, response.content
        assert (response.status_code, response.content) == (other.status_code, other.content)
    elif response.status_code == 200 and "results" in response.json():
        assert response.json()["results"] == []


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_a_shopper_of_the_brands_login_gets_what_another_shopper_gets(row: Row, world: World) -> None:
    path = world.path(row.route, row.ids)
    statuses = []
    for caller in ("billo shopper", "other shopper"):
        with transaction.atomic():
            response = world.call(caller, row.method, path, row.body)
            transaction.set_rollback(True)
        assert not world.leaks(response) or row.strangers in {"read", "facts"}, caller
        statuses.append(response.status_code)

    if row.route.startswith(OF_USERS):
        assert statuses[0] == 403
    else:
        assert statuses[0] == statuses[1]


def test_a_customer_whom_two_brands_know_sees_only_what_is_the_brands(world: World) -> None:
    cart = {"currency": "EUR", "lines": [{"id": "a", "sku": "s", "quantity": 1, "unit_price": "10.00"}]}
    world.call("cake shopper", "GET", "/api/v1/vouchers/")
    DiscountCodeFactory(text="CAKE", brand=Brand.objects.get(slug="cake"), notify=True)
    sent = cart | {"customer_id": "cake:ann", "order": "1", "codes": ["OPEN"]}
    reserved = world.call("server", "POST", "/api/v1/checkout/redemptions/", sent)
    own = world.call("other server", "POST", "/api/v1/checkout/redemptions/", sent | {"codes": ["CAKE"]})

    listed = world.call("cake shopper", "GET", "/api/v1/checkout/redemptions/").json()["results"]
    offers = world.call("cake shopper", "GET", "/api/v1/checkout/offers/").json()["results"]
    quoted = world.call("cake shopper", "POST", "/api/v1/checkout/quote/", cart | {"codes": ["OPEN"]}).json()

    assert reserved.status_code == 201, reserved.content
    assert [one["id"] for one in listed] == [own.json()["id"]]
    read = world.call("cake shopper", "GET", f"/api/v1/checkout/redemptions/{reserved.json()['id']}/")
    assert read.status_code == 404
    assert {offer["brand"] for offer in offers} <= {"cake"}
    assert quoted["rejected"][0]["reason"]["code"] == "code_not_found"
    assert Customer.objects.filter(customer_id="cake:ann").count() == 1


def test_public_offers_of_other_brands_are_not_there(world: World) -> None:
    billo = Brand.objects.get(slug="billo")
    code = DiscountCodeFactory(text="PUBLIC", brand=billo, notify=True)
    coupon, campaign = CouponFactory(brand=billo), CampaignFactory(brand=billo)
    before = Event.objects.count()

    for method, path, body in (
        ("GET", "/api/v1/discountcode/PUBLIC/", None), ("GET", f"/api/v1/discountcode/{code.offer_id}/", None),
        ("POST", "/api/v1/discountcodeusage/", {"discount_code": "PUBLIC"}),
        ("POST", "/api/v1/discountcodeusage/", {"discount_code": "PUBLIC", "brand": "billo"}),
        ("GET", f"/api/v1/coupons/{coupon.pk}/", None), ("GET", f"/api/v1/coupons/{coupon.pk}/eligibility/", None),
        ("POST", f"/api/v1/coupons/{coupon.pk}/redemptions/", {}),
        ("POST", f"/api/v1/coupons/{coupon.pk}/reservations/", {"ttl_seconds": 60}),
        ("GET", f"/api/v1/campaigns/{campaign.slug}/", None),
        ("POST", f"/api/v1/campaigns/{campaign.slug}/first-login/", None),
    ):  # fmt: skip
        assert world.call("cake shopper", method, path, body).status_code == 404, path
        own = world.call("billo shopper", method, path, body)
        assert own.status_code in {200, 201, 409}, (path, own.content)
    assert world.call("cake shopper", "GET", "/api/v1/discountcode/?brand=billo").json()["results"] == []
    assert world.call("cake shopper", "GET", "/api/v1/coupons/").json()["results"] == []
    assert Event.objects.count() > before
