"""Coupons at checkout: by their code, held with the order, counted in all and for the shopper."""

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
from coupons.models import UserCouponRedemption as UserCount
from tests.factories import BrandFactory, CouponFactory, ShopperFactory

pytestmark = pytest.mark.django_db
QUOTE, REDEMPTIONS, OFFERS = (f"/api/v1/checkout/{name}/" for name in ("quote", "redemptions", "offers"))
CART = {"currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "100.00"}]}


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory(slug="billo")
    return made


@pytest.fixture
def user() -> User:
    made: User = ShopperFactory()
    return made


@pytest.fixture
def shopper(user: User, shopper_client: Callable[[User], Client]) -> Client:
    return shopper_client(user)


def post(client: Client, path: str, body: object = None) -> Any:
    return client.post(path, {} if body is None else body, content_type="application/json")


def order(*codes: str, **changes: Any) -> dict[str, Any]:
    return CART | {"codes": list(codes), "order": "1"} | changes


def reserved(client: Client, *codes: str, **changes: Any) -> str:
    response = post(client, REDEMPTIONS, order(*codes, **changes))
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


def end(client: Client, redemption: str, how: str) -> int:
    return int(post(client, f"{REDEMPTIONS}{redemption}/{how}/").status_code)


def reasons(response: Any) -> list[tuple[str, str]]:
    return [(row["code"], row["reason"]["code"]) for row in response.json()["rejected"]]


def left(coupon: CouponDefinition) -> int | None:
    return selectors.remaining(coupons=[coupon.pk], at=timezone.now()).get(coupon.pk)


def test_a_coupon_is_quoted_by_its_code_and_nothing_is_taken(brand: Brand, shopper: Client) -> None:
    coupon = CouponFactory(brand=brand, text="SUMMER", percent="20", title="Summer", maximum_number_of_coupons=5)

    quote = post(shopper, QUOTE, order("SUMMER")).json()

    (applied,) = quote["applied"]
    assert (applied["kind"], applied["id"], applied["code"]) == ("coupon", str(coupon.pk), "SUMMER")
    assert (applied["title"], quote["total"]) == ("Summer", "80.00")
    assert left(coupon) == 5


@pytest.mark.parametrize("strategy", ["exact", "sharded", "pool", "approximate"])
def test_an_order_holds_confirms_and_refunds_a_coupon(
    strategy: str, brand: Brand, brand_client: Callable[[Brand], Client]
) -> None:
    coupon = CouponFactory(brand=brand, text="SUMMER", maximum_number_of_coupons=5, limit_strategy=strategy)
    server = brand_client(brand)

    bought = reserved(server, "SUMMER", customer_id="c1")
    made = CouponRedemption.objects.get()
    assert (made.status, made.amount, made.currency, str(made.redemption_id)) == ("reserved", 1_000, "EUR", bought)
    assert end(server, bought, "confirm") == 200
    assert CouponRedemption.objects.get().status == "confirmed"
    assert end(server, bought, "refund") == 200

    assert CouponRedemption.objects.get().status == "refunded"
    assert UserCount.objects.get().redemption_count == 0
    assert left(coupon) == 5
    call_command("audit_ledgers")


def test_a_cancelled_and_an_expired_order_give_the_place_back(brand: Brand, shopper: Client) -> None:
    coupon = CouponFactory(brand=brand, text="LAST", maximum_number_of_coupons=1)

    assert end(shopper, reserved(shopper, "LAST"), "cancel") == 200
    assert left(coupon) == 1
    reserved(shopper, "LAST", order="2")
    release_expired(at=timezone.now() + timedelta(hours=2))

    assert left(coupon) == 1
    assert sorted(CouponRedemption.objects.values_list("status", flat=True)) in (
        ["expired", "released"], ["released", "released"],
    )  # fmt: skip
    reserved(shopper, "LAST", order="3")
    call_command("audit_ledgers")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"is_active": False}, "code_inactive"),
        ({"end_date": timezone.now() - timedelta(days=1)}, "code_expired"),
        ({"start_date": timezone.now() + timedelta(days=1)}, "code_not_started"),
    ],
)
def test_what_does_not_run_is_refused_with_its_reason(
    fields: dict[str, Any], reason: str, brand: Brand, shopper: Client
) -> None:
    CouponFactory(brand=brand, text="SUMMER", **fields)

    assert reasons(post(shopper, QUOTE, order("SUMMER"))) == [("SUMMER", reason)]
    refused = post(shopper, REDEMPTIONS, order("SUMMER"))
    assert (refused.status_code, refused.json()["code"]) == (409, reason)
    assert not Redemption.objects.exists()


def test_an_exhausted_coupon_and_one_that_the_shopper_has_had_are_refused(brand: Brand, shopper: Client) -> None:
    CouponFactory(brand=brand, text="ONE", maximum_number_of_coupons=1)
    CouponFactory(brand=brand, text="MINE", maximum_number_of_coupons_per_user=1)
    end(shopper, reserved(shopper, "ONE"), "confirm")
    end(shopper, reserved(shopper, "MINE", order="2"), "confirm")

    assert reasons(post(shopper, QUOTE, order("ONE"))) == [("ONE", "usage_limit_reached")]
    assert reasons(post(shopper, QUOTE, order("MINE"))) == [("MINE", "usage_limit_per_customer")]
    assert post(shopper, REDEMPTIONS, order("MINE", order="3")).json()["code"] == "usage_limit_per_customer"


def test_codes_that_are_good_once_are_spent_with_the_order_and_free_again_without_it(
    brand: Brand, shopper: Client
) -> None:
    coupon = CouponFactory(brand=brand)
    batch = services.add_codes(coupon=coupon, codes=services.CodesSpec(count=2))
    one, two = sorted(batch.codes.values_list("text", flat=True))

    first = reserved(shopper, one)
    assert reasons(post(shopper, QUOTE, order(one))) == [(one, "code_already_used")]
    assert reasons(post(shopper, QUOTE, order(two, two))) == []
    end(shopper, first, "cancel")

    assert not RedeemedCode.objects.exists()
    reserved(shopper, one, order="2")


def test_two_codes_of_one_coupon_are_one_too_many(brand: Brand, shopper: Client) -> None:
    coupon = CouponFactory(brand=brand)
    batch = services.add_codes(coupon=coupon, codes=services.CodesSpec(count=2))
    one, two = sorted(batch.codes.values_list("text", flat=True))

    rejected = post(shopper, QUOTE, order(one, two)).json()["rejected"]

    assert [row["reason"]["code"] for row in rejected] == ["not_combinable"]


def test_what_a_shopper_could_have_now_names_coupons_with_uses_left(brand: Brand, shopper: Client) -> None:
    CouponFactory(brand=brand, text="SUMMER")
    CouponFactory(brand=brand, text="GONE", maximum_number_of_coupons=1)
    CouponFactory(brand=brand, text="OVER", end_date=timezone.now() - timedelta(days=1))
    end(shopper, reserved(shopper, "GONE"), "confirm")

    offers = shopper.get(OFFERS).json()["results"]

    assert [offer["code"] for offer in offers if offer["kind"] == "coupon"] == ["SUMMER"]
