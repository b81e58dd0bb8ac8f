"""Coupons at checkout: quotes by code, reservations with orders, and limits."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, User
from checkout.models import Redemption
from checkout.services import release_expired
from coupons import selectors, services
from coupons.models import CouponDefinition, CouponRedemption, RedeemedCode
from redemptions.limits.models import Limit
from tests.factories import BrandFactory, CouponFactory, ShopperFactory

pytestmark = pytest.mark.django_db
QUOTE, REDEMPTIONS, OFFERS = (f"/api/v1/checkout/{name}/" for name in ("quote", "redemptions", "offers"))
CART = {"currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "100.00"}]}


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def user() -> User:
    user: User = ShopperFactory()
    return user


@pytest.fixture
def shopper(user: User, shopper_client: Callable[[User], Client]) -> Client:
    return shopper_client(user)


def post(client: Client, path: str, body: object = None) -> Any:
    return client.post(path, {} if body is None else body, content_type="application/json")


def order_data(*codes: str, **changes: Any) -> dict[str, Any]:
    return CART | {"codes": list(codes), "order": "1"} | changes


def reserve(client: Client, *codes: str, **changes: Any) -> str:
    response = post(client, REDEMPTIONS, order_data(*codes, **changes))
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


def post_action(client: Client, redemption: str, action: str) -> int:
    return int(post(client, f"{REDEMPTIONS}{redemption}/{action}/").status_code)


def rejections(response: Any) -> list[tuple[str, str]]:
    return [(row["code"], row["reason"]["code"]) for row in response.json()["rejected"]]


def remaining(coupon: CouponDefinition) -> int | None:
    return selectors.remaining(coupons=[coupon.pk], at=timezone.now()).get(coupon.pk)


def test_a_quote_applies_a_coupon_by_its_code_without_redeeming_it(brand: Brand, shopper: Client) -> None:
    coupon = CouponFactory(brand=brand, text="SUMMER", percent="20", title="Summer", maximum_number_of_coupons=5)

    quote = post(shopper, QUOTE, order_data("SUMMER")).json()

    (applied,) = quote["applied"]
    assert (applied["kind"], applied["id"], applied["code"]) == ("coupon", str(coupon.pk), "SUMMER")
    assert (applied["name"], quote["total"]) == ("Summer", "80.00")
    assert remaining(coupon) == 5


@pytest.mark.parametrize("strategy", ["exact", "sharded", "pool", "approximate"])
def test_an_order_reserves_confirms_and_returns_a_coupon(
    strategy: str, brand: Brand, brand_client: Callable[[Brand], Client]
) -> None:
    coupon = CouponFactory(brand=brand, text="SUMMER", maximum_number_of_coupons=5, limit_strategy=strategy)
    server = brand_client(brand)

    redemption_id = reserve(server, "SUMMER", customer_id="c1")
    redemption = CouponRedemption.objects.get()
    assert (redemption.status, redemption.amount, redemption.currency, str(redemption.redemption_id)) == (
        "reserved",
        1_000,
        "EUR",
        redemption_id,
    )
    assert post_action(server, redemption_id, "confirm") == 200
    assert CouponRedemption.objects.get().status == "confirmed"
    assert post_action(server, redemption_id, "refund") == 200

    assert CouponRedemption.objects.get().status == "returned"
    assert Limit.objects.get(scope="customer").taken == 0
    assert remaining(coupon) == 5
    call_command("check_consistency")


def test_a_canceled_or_expired_order_frees_the_unit(brand: Brand, shopper: Client) -> None:
    coupon = CouponFactory(brand=brand, text="LAST", maximum_number_of_coupons=1)

    assert post_action(shopper, reserve(shopper, "LAST"), "cancel") == 200
    assert remaining(coupon) == 1
    reserve(shopper, "LAST", order="2")
    release_expired(at=timezone.now() + timedelta(hours=2))

    assert remaining(coupon) == 1
    assert sorted(CouponRedemption.objects.values_list("status", flat=True)) in (
        ["expired", "released"], ["released", "released"],
    )  # fmt: skip
    reserve(shopper, "LAST", order="3")
    call_command("check_consistency")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"decision": "paused"}, "code_inactive"),
        ({"end_date": timezone.now() - timedelta(days=1)}, "code_expired"),
        ({"start_date": timezone.now() + timedelta(days=1)}, "code_not_started"),
    ],
)
def test_an_inactive_coupon_is_rejected_with_its_reason(
    fields: dict[str, Any], reason: str, brand: Brand, shopper: Client
) -> None:
    CouponFactory(brand=brand, text="SUMMER", **fields)

    assert rejections(post(shopper, QUOTE, order_data("SUMMER"))) == [("SUMMER", reason)]
    response = post(shopper, REDEMPTIONS, order_data("SUMMER"))
    assert (response.status_code, response.json()["code"]) == (409, reason)
    assert not Redemption.objects.exists()


def test_exhausted_limits_in_total_and_per_customer_are_rejected(brand: Brand, shopper: Client) -> None:
    CouponFactory(brand=brand, text="ONE", maximum_number_of_coupons=1)
    CouponFactory(brand=brand, text="MINE", maximum_number_of_coupons_per_user=1)
    post_action(shopper, reserve(shopper, "ONE"), "confirm")
    post_action(shopper, reserve(shopper, "MINE", order="2"), "confirm")

    assert rejections(post(shopper, QUOTE, order_data("ONE"))) == [("ONE", "usage_limit_reached")]
    assert rejections(post(shopper, QUOTE, order_data("MINE"))) == [("MINE", "usage_limit_per_customer")]
    assert post(shopper, REDEMPTIONS, order_data("MINE", order="3")).json()["code"] == "usage_limit_per_customer"


def test_a_single_use_code_is_used_by_an_order_and_free_when_it_is_canceled(brand: Brand, shopper: Client) -> None:
    coupon = CouponFactory(brand=brand)
    batch = services.add_codes(coupon=coupon, codes=services.CodesSpec(count=2), at=timezone.now())
    one, two = sorted(batch.codes.values_list("text", flat=True))

    first = reserve(shopper, one)
    assert rejections(post(shopper, QUOTE, order_data(one))) == [(one, "code_already_used")]
    assert rejections(post(shopper, QUOTE, order_data(two, two))) == []
    post_action(shopper, first, "cancel")

    assert not RedeemedCode.objects.exists()
    reserve(shopper, one, order="2")


def test_two_codes_of_one_coupon_are_not_combinable(brand: Brand, shopper: Client) -> None:
    coupon = CouponFactory(brand=brand)
    batch = services.add_codes(coupon=coupon, codes=services.CodesSpec(count=2), at=timezone.now())
    one, two = sorted(batch.codes.values_list("text", flat=True))

    rejected = post(shopper, QUOTE, order_data(one, two)).json()["rejected"]

    reasons = [(row["code"], row["reason"]["code"], row["reason"]["reason"]) for row in rejected]
    assert reasons == [(two, "not_combinable", "same_offer")]
    reserve(shopper, one, two, on_reject="skip")
    assert RedeemedCode.objects.count() == 1
    reserve(shopper, two, order="2")  # the second code was not taken


def test_available_offers_list_only_coupons_that_can_still_be_redeemed(brand: Brand, shopper: Client) -> None:
    summer = CouponFactory(brand=brand, text="SUMMER")
    CouponFactory(brand=brand, text="EXHAUSTED", maximum_number_of_coupons=1)
    CouponFactory(brand=brand, text="ENDED", end_date=timezone.now() - timedelta(days=1))
    post_action(shopper, reserve(shopper, "EXHAUSTED"), "confirm")

    offers = [offer for offer in shopper.get(OFFERS).json()["results"] if offer["kind"] == "coupon"]

    assert [offer["id"] for offer in offers] == [str(summer.pk)]
    assert "code" not in offers[0]  # which customers know it is up to the brand


def test_available_offers_name_a_code_only_to_the_customer_that_it_is_assigned_to(
    brand: Brand, shopper: Client, user: User, shopper_client: Callable[[User], Client]
) -> None:
    coupon = CouponFactory(brand=brand)
    batch = services.add_codes(coupon=coupon, codes=services.CodesSpec(count=2), at=timezone.now())
    mine, _other = sorted(batch.codes.values_list("text", flat=True))
    batch.codes.filter(text=mine).update(customer=user.customer)

    assert [offer["code"] for offer in shopper.get(OFFERS).json()["results"]] == [mine]
    assert shopper_client(ShopperFactory()).get(OFFERS).json()["results"] == []
    post_action(shopper, reserve(shopper, mine), "confirm")
    assert shopper.get(OFFERS).json()["results"] == []
