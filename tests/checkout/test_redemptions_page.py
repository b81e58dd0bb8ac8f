"""Admin pages of redemptions that are created over HTTP."""

import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from accounts.services import tokens_for
from checkout.models import Redemption
from tests.factories import (
    ApiKeyFactory,
    BrandFactory,
    DiscountCodeFactory,
    MembershipFactory,
    ShopperFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

LIST = "/admin/checkout/redemption/"


def as_user(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def brand():
    brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    DiscountCodeFactory(brand=brand, text="TEN")
    return brand


@pytest.fixture
def owner(brand):
    return as_user(MembershipFactory(brand=brand).user)


@pytest.fixture
def stranger():
    return as_user(MembershipFactory(brand=BrandFactory(slug="cake")).user)


def redeem(credential, order, *codes, **members):
    body = {
        "currency": "EUR", "order": order, "codes": list(codes), "on_reject": "skip",
        "lines": [
            {"id": "line-a", "sku": "red shoe", "quantity": 1, "unit_price": "100.00"},
            {"id": "line-b", "sku": "hat", "quantity": 2, "unit_price": "10.00"},
        ],
    } | members  # fmt: skip
    response = Client().post(
        "/api/v1/checkout/redemptions/", body, content_type="application/json", headers={"Authorization": credential}
    )
    assert response.status_code == 201, response.content
    return Redemption.objects.get(pk=response.json()["id"])


@pytest.fixture
def key(brand):
    return f"Api-Key {ApiKeyFactory(brand=brand).text}"


def test_a_redemption_is_shown_as_text_not_as_data(owner, key):
    redemption = redeem(key, "order-1001", "TEN", "NOSUCH", customer_id="ann")

    page = owner.get(f"{LIST}{redemption.pk}/change/").content.decode()

    for text in (
        "order-1001",
        "Reserved",
        "ann",
        "red shoe",
        "TEN",
        "€12.00",
        "€108.00",
        "NOSUCH",
        "Code not found",
    ):
        assert text in page, text
    for raw in ("{&", "&quot;code&quot;", "&#x27;", "unit_price"):
        assert raw not in page, raw


def test_the_list_can_be_searched_and_filtered(owner, key):
    redeem(key, "order-1", "TEN", customer_id="ann")
    redeem(key, "order-2", customer_id="bob")

    def find(query=""):
        return sorted(redemption.order for redemption in owner.get(f"{LIST}?{query}").context["cl"].result_list)

    assert find() == ["order-1", "order-2"]
    assert find("q=order-1") == ["order-1"]
    assert find("q=bob") == ["order-2"]
    assert find("q=order") == []
    assert find("q=%00") == ["order-1", "order-2"]
    assert find("status=confirmed") == []
    assert find("status=reserved") == ["order-1", "order-2"]


def test_a_shoppers_order_is_visible_to_the_brand_of_its_offers(owner, stranger, brand):
    shopper = ShopperFactory()
    redemption = redeem(f"Bearer {tokens_for(user=shopper, at=timezone.now()).access}", "shop-1", "TEN")

    assert "shop-1" in owner.get(f"{LIST}?by=shopper").content.decode()
    assert owner.get(f"{LIST}{redemption.pk}/change/").status_code == 200
    assert "shop-1" not in stranger.get(f"{LIST}?by=shopper").content.decode()
    assert stranger.get(f"{LIST}{redemption.pk}/change/").status_code == 404


def test_an_order_with_offers_of_two_brands_is_visible_to_neither(owner, stranger, brand):
    DiscountCodeFactory(brand=BrandFactory(slug="third"), text="OTHER")
    redemption = redeem(
        f"Bearer {tokens_for(user=ShopperFactory(), at=timezone.now()).access}", "shop-2", "TEN", "OTHER"
    )
    brands = set(redemption.items.values_list("brand__slug", flat=True))

    answer = owner.get(f"{LIST}{redemption.pk}/change/")

    assert answer.status_code == (404 if len(brands) > 1 else 200)


def test_redemptions_of_other_brands_are_not_found(stranger, key):
    redemption = redeem(key, "secret-order", "TEN", customer_id="secret-customer")

    for path in ("", "?q=secret-order", "?q=secret-customer", "?status=reserved", "?brand=billo"):
        body = stranger.get(LIST + path).content.decode().replace('value="secret-', "")
        assert "secret-order" not in body.replace("q=secret-order", ""), path
    for path in ("change/", "history/", "delete/"):
        assert stranger.get(f"{LIST}{redemption.pk}/{path}").status_code in (403, 404), path
    assert stranger.get(f"{LIST}{uuid.uuid4()}/change/").status_code == 404


def test_redemptions_are_read_only(owner, key, brand):
    redemption = redeem(key, "order-1", "TEN", customer_id="ann")
    root = as_user(UserFactory(is_superuser=True))
    viewer = as_user(MembershipFactory(brand=brand, role=Role.VIEWER).user)

    for client in (owner, root, viewer):
        client.post(f"{LIST}{redemption.pk}/change/", {"order": "stolen", "status": "confirmed"})
        assert client.post(f"{LIST}{redemption.pk}/delete/", {"post": "yes"}).status_code == 403
        assert client.get(f"{LIST}add/").status_code == 403

    redemption.refresh_from_db()
    assert (redemption.order, redemption.status) == ("order-1", "reserved")


@pytest.mark.parametrize("name", ["x", "1", "%00", "9" * 80])
def test_an_invalid_id_is_not_found(owner, name):
    assert owner.get(f"{LIST}{name}/change/").status_code == 404


def test_the_number_of_queries_is_independent_of_the_number_of_rows(owner, key):
    def count_queries():
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(LIST).status_code == 200
        return len(queries)

    for number in range(2):
        redeem(key, f"order-{number}", customer_id=f"c{number}")
    few = count_queries()
    for number in range(2, 10):
        redeem(key, f"order-{number}", customer_id=f"c{number}")

    assert count_queries() <= few <= 20
