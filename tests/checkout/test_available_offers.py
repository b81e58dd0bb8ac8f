"""Offers that a shopper can use."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, User
from accounts.services import create_grant, end_grant
from promotions.models import Promotion
from promotions.services import start_due
from redemptions.codes.models import Code
from redemptions.limits.models import Limit
from segments.services import apply_audience
from tests.factories import (
    BrandFactory,
    CouponFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
    ShopperFactory,
)

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
PATH = "/api/v1/checkout/offers/"


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def shopper() -> User:
    user: User = ShopperFactory()
    return user


def cart(*prices: str, **more: object) -> dict[str, object]:
    lines = [
        {"id": str(number), "sku": "shoe", "quantity": 1, "unit_price": price, "brand": "billo"}
        for number, price in enumerate(prices)
    ]
    return {"currency": "EUR", "lines": lines} | more


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200
    return [offer["name"] for offer in answer.json()["results"]]


def test_a_shopper_sees_only_active_offers_that_apply_to_them(
    shopper_client: ClientOf, billo: Brand, shopper: User
) -> None:
    for audience in ("friends", "strangers"):
        PromotionFactory(brand=billo, name=f"For {audience}", target_audience=audience)
    apply_audience(brand=billo, segment_type="friends", operation="add", customer_ids=[shopper.customer.customer_id])
    start_due(at=timezone.now())
    PromotionFactory(brand=billo, name="Draft", decision="draft")
    PromotionFactory(brand=billo, name="Used up", limit_total=1)
    Limit.objects.create(owner=Promotion.objects.get(name="Used up").pk, scope="total", taken=1, cap=1)
    assigned = PromotionFactory(brand=billo, name="By my code", trigger="code", text="MINE")
    Code.objects.filter(offer=assigned.pk).update(customer=shopper.customer)
    PromotionFactory(brand=billo, name="By any code", trigger="code", text="OPEN")
    PromotionFactory(name="Another brand's")
    DiscountCodeFactory(brand=billo, text="TEN", percent=11)
    DiscountCodeFactory(brand=billo, text="QUIET", percent=12, notify=False)
    client = shopper_client(shopper)

    assert set(names(client.get(PATH))) == {"For friends", "By my code", "Another brand's", "11%"}
    assert set(names(client.get(f"{PATH}?brand=billo"))) == {"For friends", "By my code", "11%"}


def test_offers_for_a_cart_are_sorted_and_explain_missing_discounts(
    shopper_client: ClientOf, billo: Brand, shopper: User
) -> None:
    PromotionFactory(brand=billo, name="Small", percent="5")
    PromotionFactory(brand=billo, name="Large", percent="30")
    PromotionFactory(brand=billo, name="Far", extra={"conditions": [{"kind": "min_subtotal", "value": "50.00"}]})

    offers = (
        shopper_client(shopper).post(PATH, cart("10.00", "9.99"), content_type="application/json").json()["results"]
    )

    assert [(offer["name"], offer.get("amount")) for offer in offers] == [
        ("Large", "6.00"),
        ("Small", "1.00"),
        ("Far", None),
    ]
    assert (offers[2]["reason"]["code"], offers[2]["reason"]["missing"]) == ("minimum_not_met", "30.01")


def test_a_server_sees_its_own_offers_for_its_customer(brand_client: ClientOf, billo: Brand) -> None:
    PromotionFactory(brand=billo, name="Ours")
    PromotionFactory(name="Theirs")
    server = brand_client(billo)

    assert names(server.get(f"{PATH}?customer_id=never-seen")) == ["Ours"]
    assert server.get(PATH).status_code == 400
    assert names(server.post(PATH, cart("1.00", customer_id="x"), content_type="application/json")) == ["Ours"]


def test_only_shoppers_and_servers_may_list_offers(shopper_client: ClientOf, billo: Brand) -> None:
    assert Client().get(PATH).status_code == 401
    assert shopper_client(MembershipFactory(brand=billo).user).get(PATH).status_code == 403


def test_the_number_of_queries_is_independent_of_the_number_of_offers(
    shopper_client: ClientOf, billo: Brand, shopper: User, django_assert_num_queries: Any
) -> None:
    PromotionFactory.create_batch(5, brand=billo)
    DiscountCodeFactory.create_batch(5, brand=billo)
    client = shopper_client(shopper)

    with django_assert_num_queries(5):  # promotions, codes, coupons, vouchers, the brand's pricing profile
        client.post(PATH, cart("10.00"), content_type="application/json")


def test_a_server_sees_the_offers_that_other_brands_granted(
    brand_client: ClientOf, billo: Brand, shopper: User
) -> None:
    tea, cake = BrandFactory(slug="tea"), BrandFactory(slug="cake")
    PromotionFactory(brand=billo, name="Of Billo")
    for brand in (tea, cake):
        PromotionFactory(brand=brand, name=f"Promotion of {brand.slug}")
        CouponFactory(brand=brand, title=f"Coupon of {brand.slug}")
    grant = create_grant(issuer=tea, acceptor=billo, kinds=["promotion"], at=timezone.now())
    server, customer = brand_client(billo), shopper.customer.customer_id

    assert sorted(names(server.get(PATH, {"customer_id": customer}))) == ["Of Billo", "Promotion of tea"]
    for brand, found in (("tea", ["Promotion of tea"]), ("billo", ["Of Billo"]), ("cake", []), ("nobody", [])):
        assert names(server.get(PATH, {"customer_id": customer, "brand": brand})) == found
    body = cart("10.00", customer_id=customer)
    assert names(server.post(PATH, body, content_type="application/json")) == ["Of Billo"]
    for line in body["lines"]:  # type: ignore[attr-defined]
        line["brand"] = "tea"
    answer = server.post(PATH, body, content_type="application/json")
    assert sorted(names(answer)) == ["Of Billo", "Promotion of tea"]

    end_grant(grant=grant, at=timezone.now())
    assert names(server.get(PATH, {"customer_id": customer})) == ["Of Billo"]
