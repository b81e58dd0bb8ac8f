"""Identities of customers over HTTP: what servers may send, and what a person who comes back gets."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from django.test import Client

from accounts.models import Brand, User
from checkout.models import Redemption
from redemptions.limits.models import Limit
from redemptions.uses.models import OfferUse
from tests.checkout.builders import (
    QUOTE,
    REDEMPTIONS,
    cart,
    error_fields,
    order,
    post,
    post_action,
    reserve_order,
    status_and_code,
)
from tests.factories import ApiKeyFactory, CouponFactory, PromotionFactory

pytestmark = pytest.mark.django_db
OFFERS, SIMULATE, DISCOUNT_USES = (
    "/api/v1/checkout/offers/",
    "/api/v1/promotions/simulate/",
    "/api/v1/discountcodeusage/",
)
ANN = {"email_sha256": sha256(b"ann@mail.example").hexdigest()}
EVERYTHING = ANN | {"phone_sha256": "0" * 64, "device": "phone-of-ann", "payment": "card-of-ann"}


@pytest.fixture
def once(billo: Brand) -> Any:
    """A promotion with the code TEN, once per customer."""
    return PromotionFactory(brand=billo, trigger="code", text="TEN", limit_per_user=1)


@pytest.fixture
def coupon(billo: Brand) -> Any:
    """A coupon that a customer redeems once."""
    return CouponFactory(brand=billo, text="CUP", maximum_number_of_coupons_per_user=1)


def test_a_person_who_comes_back_under_another_name_gets_nothing_more(server: Client, once: Any) -> None:
    reserve_order(server, customer_id="guest-x@mail.example", order="o1", identities=ANN)

    spelled = post(server, REDEMPTIONS, order(customer_id=" Guest-X@mail.example", order="o2"))
    renamed = post(server, REDEMPTIONS, order(customer_id="account-1", order="o3", identities=ANN))
    stranger = post(server, REDEMPTIONS, order(customer_id="account-2", order="o4", identities={"device": "d-2"}))

    assert status_and_code(spelled) == status_and_code(renamed) == (409, "usage_limit_per_customer")
    assert stranger.status_code == 201
    assert Redemption.objects.count() == OfferUse.objects.count() == 2


def test_a_quote_tells_what_an_identity_has_used(server: Client, once: Any) -> None:
    def rejected(**changes: Any) -> list[str]:
        answer = post(server, QUOTE, cart(codes=["TEN"], **changes))
        assert answer.status_code == 200, answer.content
        return [rejection["reason"]["code"] for rejection in answer.json()["rejected"]]

    reserve_order(server, customer_id="c1", identities=EVERYTHING)

    for name, value in EVERYTHING.items():
        assert rejected(customer_id="c2", identities={name: value}) == ["usage_limit_per_customer"]
    assert rejected(customer_id="c2", identities={"email_sha256": ANN["email_sha256"].upper()}) != []
    for identities in ({}, {"device": "d-2"}):
        assert rejected(customer_id="c2", identities=identities) == []


def test_identities_are_never_answered(server: Client, once: Any) -> None:
    reserved = reserve_order(server, customer_id="c1", identities=EVERYTHING)
    confirmed = post_action(server, reserved, "confirm").json()
    event = server.get("/api/v1/events/").json()

    text = f"{reserved} {confirmed} {event}"
    assert "identities" not in text
    assert not any(value in text for value in EVERYTHING.values())


@pytest.mark.parametrize(
    ("identities", "field"),
    [
        (None, "identities"),
        ("ann", "identities"),
        ([ANN], "identities"),
        ({"email": "ann@mail.example"}, "identities.email"),
        ({"email_sha256": "ann@mail.example"}, "identities.email_sha256"),
        ({"email_sha256": "g" * 64}, "identities.email_sha256"),
        ({"email_sha256": "a" * 63}, "identities.email_sha256"),
        ({"email_sha256": "a" * 65}, "identities.email_sha256"),
        ({"email_sha256": 7}, "identities.email_sha256"),
        ({"phone_sha256": "+34600000000"}, "identities.phone_sha256"),
        ({"phone_sha256": "\uff11" * 64}, "identities.phone_sha256"),
        ({"device": ""}, "identities.device"),
        ({"device": "x" * 256}, "identities.device"),
        ({"device": "é"}, "identities.device"),
        ({"device": "a\x07b"}, "identities.device"),
        ({"payment": 4111111111111111}, "identities.payment"),
        ({"payment": None}, "identities.payment"),
    ],
)
def test_invalid_identities_are_refused(identities: Any, field: str, server: Client, once: Any, coupon: Any) -> None:
    body = {"customer_id": "c1", "identities": identities}
    bodies = {
        QUOTE: cart() | body, REDEMPTIONS: order() | body, OFFERS: cart() | body,
        f"/api/v1/coupons/{coupon.pk}/redemptions/": body, f"/api/v1/coupons/{coupon.pk}/reservations/": body,
    }  # fmt: skip

    for path, sent in bodies.items():
        answer = post(server, path, sent)
        assert (answer.status_code, error_fields(answer)) == (400, [field]), path
    assert not Redemption.objects.exists()
    assert not Limit.objects.exists()


@pytest.mark.parametrize("path", [QUOTE, REDEMPTIONS, OFFERS])
def test_shoppers_can_not_say_who_they_are(path: str, shopper: Client, once: Any) -> None:
    answer = post(shopper, path, order(identities=ANN) if path == REDEMPTIONS else cart(identities=ANN))

    assert status_and_code(answer) == (403, "permission_denied")
    assert not Redemption.objects.exists()


def test_shoppers_of_coupons_and_codes_can_not_either(shopper: Client, coupon: Any, ten: None) -> None:
    redeemed = post(shopper, f"/api/v1/coupons/{coupon.pk}/redemptions/", {"identities": ANN})
    used = post(shopper, DISCOUNT_USES, {"discount_code": "TEN", "identities": ANN})

    assert status_and_code(redeemed) == (403, "permission_denied")
    assert (status_and_code(used), error_fields(used)) == ((400, "invalid"), ["identities"])
    assert not Limit.objects.exists()


def test_a_coupon_is_redeemed_once_by_an_identity(server: Client, coupon: Any) -> None:
    path = f"/api/v1/coupons/{coupon.pk}/"

    def redeem(customer: str, name: str = "redemptions", **more: Any) -> Any:
        return post(server, f"{path}{name}/", {"customer_id": customer, "code": "CUP", **more})

    first = redeem("c1", "reservations", identities=EVERYTHING)
    assert first.status_code == 201
    assert status_and_code(redeem("c2", identities=ANN)) == (409, "usage_limit_per_customer")
    at_checkout = post(server, REDEMPTIONS, order(customer_id="c3", codes=["CUP"], identities=ANN))
    assert status_and_code(at_checkout) == (409, "usage_limit_per_customer")
    released = post(server, f"/api/v1/coupons/redemptions/{first.json()['coupon_redemption_id']}/release/")
    assert released.status_code == 200
    assert redeem("c2", identities=ANN).status_code == 201
    assert redeem("c4", identities={"payment": "tok_2"}).status_code == 201


def test_offers_for_a_cart_leave_out_what_an_identity_has_used(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, limit_per_user=1)
    reserve_order(server, customer_id="c1", codes=None, identities=ANN)

    def count(**identities: Any) -> int:
        return len(post(server, OFFERS, cart(customer_id="c2", **identities)).json()["results"])

    assert (count(identities=ANN), count()) == (0, 1)


def test_simulations_of_active_offers_take_identities(server: Client, once: Any) -> None:
    reserve_order(server, customer_id="c1", identities=ANN)

    def simulate(**changes: Any) -> Any:
        body = {"cart": cart(codes=["TEN"], customer_id="c2", identities=ANN), "promotions": [], **changes}
        return post(server, SIMULATE, body)

    rejected = simulate(include_live=True).json()["rejected"]
    assert [one["reason"]["code"] for one in rejected] == ["usage_limit_per_customer"]
    assert error_fields(simulate()) == ["cart.identities"]


def test_a_marketplace_sends_identities_for_every_brand(server: Client, once: Any) -> None:
    marketplace = Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(platform=True).text}"})
    reserve_order(marketplace, customer_id="c1", identities=ANN)

    answer = post(server, REDEMPTIONS, order(customer_id="c2", identities=ANN))

    assert status_and_code(answer) == (409, "usage_limit_per_customer")


def test_an_amendment_refuses_other_identities(server: Client, once: Any) -> None:
    reserved = reserve_order(server, customer_id="c1", identities=ANN)
    post_action(server, reserved, "confirm")

    same = post_action(server, reserved, "amend", cart(customer_id=" C1", identities=ANN))
    other = post_action(server, reserved, "amend", cart(identities={"device": "d-1"}))

    assert same.status_code == 200
    assert (other.status_code, error_fields(other)) == (400, ["identities"])


def test_the_same_order_with_other_identities_replaces_the_reservation(server: Client, once: Any) -> None:
    body = order(customer_id="c1", identities=ANN)
    first, again = post(server, REDEMPTIONS, body).json(), post(server, REDEMPTIONS, body).json()
    other = reserve_order(server, customer_id="c1", identities={"device": "d-1"})

    assert first["id"] == again["id"] != other["id"]
    taken = Limit.objects.filter(slot__contains=":", taken=1).values_list("slot", flat=True)
    assert [slot.partition(":")[0] for slot in taken] == ["device"]


def test_staff_can_simulate_with_identities(
    shopper_client: Callable[[Any], Client], user: User, billo: Brand, once: Any
) -> None:
    user.memberships.create(brand=billo, role="editor")
    body = {"cart": cart(identities=ANN), "promotions": [], "include_live": True}

    assert post(shopper_client(user), SIMULATE, body).status_code == 200
