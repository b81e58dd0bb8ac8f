"""Admin pages of redemptions that are created over HTTP."""

import uuid

import pytest
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from accounts.services import tokens_for
from checkout.contracts import Actor
from checkout.models import Redemption
from checkout.services import confirm
from discounts.models import Usage
from tests.factories import (
    ApiKeyFactory,
    BrandFactory,
    DiscountCodeFactory,
    MembershipFactory,
    ShopperFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

PAGES = "/admin/checkout/redemption/"


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
    return as_user(MembershipFactory(brand=brand, user=UserFactory(username="olga")).user)


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

    page = owner.get(f"{PAGES}{redemption.pk}/change/").content.decode()

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


def test_a_shoppers_order_is_visible_to_the_brand_of_its_offers(owner, stranger, brand):
    shopper = ShopperFactory()
    redemption = redeem(f"Bearer {tokens_for(user=shopper, at=timezone.now()).access}", "shop-1", "TEN")

    assert owner.get(f"{PAGES}{redemption.pk}/change/").status_code == 200
    assert stranger.get(f"{PAGES}{redemption.pk}/change/").status_code == 404


def test_redemptions_of_other_brands_are_not_found(stranger, key):
    redemption = redeem(key, "secret-order", "TEN", customer_id="secret-customer")

    for path in ("change/", "history/", "why/", "confirm/", "cancel/", "refund/"):
        assert stranger.get(f"{PAGES}{redemption.pk}/{path}").status_code in (403, 404), path
    assert stranger.get(f"{PAGES}{uuid.uuid4()}/change/").status_code == 404


def test_the_fields_of_redemptions_are_read_only(owner, key, brand):
    redemption = redeem(key, "order-1", "TEN", customer_id="ann")
    root = as_user(UserFactory(is_superuser=True))
    viewer = as_user(MembershipFactory(brand=brand, role=Role.VIEWER).user)

    for client in (owner, root, viewer):
        client.post(f"{PAGES}{redemption.pk}/change/", {"order": "stolen", "status": "confirmed"})
        assert client.post(f"{PAGES}{redemption.pk}/delete/", {"post": "yes"}).status_code == 404
        assert client.get(f"{PAGES}add/").status_code == 404

    redemption.refresh_from_db()
    assert (redemption.order, redemption.status) == ("order-1", "reserved")


@pytest.mark.parametrize("name", ["x", "1", "%00", "9" * 80])
def test_an_invalid_id_is_not_found(owner, name):
    assert owner.get(f"{PAGES}{name}/change/").status_code == 404


# --- actions ---------------------------------------------------------------------------------------------------------
def list_actions(client, redemption):
    """Return the actions that the page of an order offers."""
    page = client.get(f"{PAGES}{redemption.pk}/change/").content.decode()
    return [action for action in ("confirm", "cancel", "refund") if f"{PAGES}{redemption.pk}/{action}/" in page]


def act(client, redemption, action):
    """Confirm the page of an action, and return the status of the redemption and the message."""
    page = client.get(f"{PAGES}{redemption.pk}/{action}/")
    assert page.status_code == 200
    assert Redemption.objects.get(pk=redemption.pk).status == redemption.status  # asking changes nothing
    answer = client.post(f"{PAGES}{redemption.pk}/{action}/", follow=True)
    redemption.refresh_from_db()
    return redemption.status, [str(message) for message in answer.context["messages"]]


def test_an_order_is_confirmed_and_refunded_after_a_page_that_says_what_happens(owner, key):
    redemption = redeem(key, "order-1", "TEN", customer_id="ann")

    assert list_actions(owner, redemption) == ["confirm", "cancel"]
    confirmation = owner.get(f"{PAGES}{redemption.pk}/confirm/").content.decode()
    assert "The order counts as paid, with its discounts of €12.00" in confirmation
    assert act(owner, redemption, "confirm") == ("confirmed", ["Order order-1 confirmed."])
    assert list_actions(owner, redemption) == ["refund"]
    assert act(owner, redemption, "refund") == ("returned", ["Order order-1 refunded."])
    assert list_actions(owner, redemption) == []
    assert not Usage.objects.exists()


def test_an_order_is_canceled_once(owner, key):
    redemption = redeem(key, "order-1", "TEN", customer_id="ann")

    assert act(owner, redemption, "cancel") == ("released", ["Order order-1 canceled."])
    owner.post(f"{PAGES}{redemption.pk}/cancel/")
    status, messages = act(owner, redemption, "confirm")

    assert status == "released"
    assert len(messages) == 1
    assert "status" in messages[0]


def test_the_audit_log_records_who_changed_an_order(owner, key, brand):
    redemption = redeem(key, "order-1", "TEN", customer_id="ann")
    for _ in range(2):
        owner.post(f"{PAGES}{redemption.pk}/confirm/")

    (row,) = owner.get(f"/admin/log/?kind=checkout.redemption&object={redemption.pk}").context["rows"]

    assert (row["change"], row["user"]) == ("Confirmed", "olga")


def test_only_editors_change_an_order_and_only_as_the_page_offers(key, brand):
    redemption = redeem(key, "order-1", "TEN", customer_id="ann")
    viewer = as_user(MembershipFactory(brand=brand, role=Role.VIEWER).user)

    assert list_actions(viewer, redemption) == []
    for action in ("confirm", "cancel", "refund"):
        for send in (viewer.get, viewer.post):
            assert send(f"{PAGES}{redemption.pk}/{action}/").status_code == 403
    assert viewer.get(f"{PAGES}{redemption.pk}/delete/").status_code == 404
    redemption.refresh_from_db()
    assert redemption.status == "reserved"


def test_staff_confirm_an_order_that_only_the_shopper_confirmed(owner, brand):
    shopper = f"Bearer {tokens_for(user=ShopperFactory(), at=timezone.now()).access}"
    redemption = redeem(shopper, "shop-1", "TEN")
    confirm(redemption=redemption, by=Actor.SHOPPER, at=timezone.now())
    redemption.refresh_from_db()

    assert list_actions(owner, redemption) == ["confirm", "refund"]
    assert act(owner, redemption, "confirm") == ("confirmed", ["Order shop-1 confirmed."])
    assert redemption.confirmed_by == "staff"
    assert list_actions(owner, redemption) == ["refund"]
    root = as_user(UserFactory(is_superuser=True))  # the order has no brand
    assert len(root.get(f"/admin/log/?object={redemption.pk}").context["rows"]) == 1


def test_a_brand_cancels_a_shoppers_order_with_its_offers_only(owner, stranger, brand):
    shopper = f"Bearer {tokens_for(user=ShopperFactory(), at=timezone.now()).access}"
    redemption = redeem(shopper, "shop-1", "TEN")

    assert list_actions(owner, redemption) == ["confirm", "cancel"]
    assert stranger.post(f"{PAGES}{redemption.pk}/cancel/").status_code == 404
    assert act(owner, redemption, "cancel")[0] == "released"
