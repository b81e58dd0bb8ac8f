"""Redemptions over HTTP (contract, section 8): reserved for an order, all or nothing."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, Customer, User
from checkout.models import Redemption, Status
from discounts.models import DiscountCode, Usage
from tests.checkout.builders import (
    QUOTE,
    REDEMPTIONS,
    ClientOf,
    cart,
    fields,
    line,
    order,
    post,
    refused,
    reserved,
    verb,
)
from tests.factories import BrandFactory, CustomerFactory, DiscountCodeFactory, ShopperFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ten")]


# --- reserve ---------------------------------------------------------------------------------------------------------
def test_a_shopper_reserves(shopper: Client, user: User) -> None:
    quote = post(shopper, QUOTE, cart(codes=["TEN"], shipping="4.99")).json()

    response = post(shopper, REDEMPTIONS, order(shipping="4.99"))

    assert response.status_code == 201
    answer = response.json()
    assert uuid.UUID(answer.pop("id")).version == 7
    created, expires = (datetime.fromisoformat(answer.pop(name)) for name in ("created_at", "expires_at"))
    assert expires - created == timedelta(seconds=900)
    assert answer.pop("quote") == quote
    assert answer == {
        "order": "1001", "status": "reserved", "customer_id": user.customer.customer_id,
        "confirmed_at": None, "closed_at": None, "refunded": [],
    }  # fmt: skip
    assert Usage.objects.get().reserved_until == expires


def test_a_brands_server_reserves_for_a_customer_never_seen(server: Client) -> None:
    answer = reserved(server, customer_id="brand-new", ttl_seconds=60)

    assert answer["customer_id"] == "brand-new"
    assert Customer.objects.filter(customer_id="brand-new").count() == 1
    assert Redemption.objects.get().brand is not None


def test_a_cart_without_codes_is_reserved_too(shopper: Client) -> None:
    assert reserved(shopper, codes=None)["quote"]["applied"] == []
    assert reserved(shopper, order="2", lines=[], shipping="4.00", codes=[])["quote"]["total"] == "4.00"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"order": None}, "order"), ({"order": ""}, "order"), ({"order": "x" * 101}, "order"),
        ({"order": 1001}, "order"), ({"order": ["1"]}, "order"), ({"expect_total": "1.001"}, "expect_total"),
        ({"expect_total": 108}, "expect_total"), ({"expect_total": "-1.00"}, "expect_total"),
        ({"ttl_seconds": 0}, "ttl_seconds"),
        ({"ttl_seconds": 3601}, "ttl_seconds"), ({"ttl_seconds": "900"}, "ttl_seconds"),
        ({"ttl_seconds": 1.5}, "ttl_seconds"), ({"ttl_seconds": True}, "ttl_seconds"),
        ({"on_reject": "perhaps"}, "on_reject"), ({"on_reject": ["skip"]}, "on_reject"),
        ({"on_reject": True}, "on_reject"), ({"currency": "EURO"}, "currency"), ({"lines": []}, "lines"),
        ({"codes": "TEN"}, "codes"), ({"lines": [line(quantity=0)]}, "lines.0.quantity"),
        ({"lines": [line(unit_price="1.001")]}, "lines.0.unit_price"),
    ],
)  # fmt: skip
def test_a_bad_field_is_refused_and_nothing_taken(changes: dict[str, Any], field: str, shopper: Client) -> None:
    response = post(shopper, REDEMPTIONS, order(**changes))

    assert refused(response) == (400, "invalid")
    assert fields(response) == [field]
    assert not Redemption.objects.exists()
    assert not Usage.objects.exists()


def test_who_reserves_for_whom(shopper: Client, server: Client, brand_client: ClientOf, user: User) -> None:
    CustomerFactory(customer_id="another")

    assert refused(post(Client(), REDEMPTIONS, order())) == (401, "not_authenticated")
    assert refused(post(shopper, REDEMPTIONS, order(customer_id="another"))) == (403, "permission_denied")
    missing = post(server, REDEMPTIONS, order())
    assert (refused(missing), fields(missing)) == ((400, "invalid"), ["customer_id"])
    assert not Redemption.objects.exists()
    assert reserved(shopper, customer_id=user.customer.customer_id)["customer_id"] == user.customer.customer_id


# --- one order, one redemption ---------------------------------------------------------------------------------------
def test_the_same_request_is_answered_again(server: Client) -> None:
    first = reserved(server, customer_id="c1")

    assert reserved(server, customer_id="c1") == first
    verb(server, first, "confirm")
    again = reserved(server, customer_id="c1")
    assert (again["id"], again["status"]) == (first["id"], "confirmed")
    assert Redemption.objects.count() == 1


def test_another_request_for_the_order_replaces_the_reservation(server: Client) -> None:
    first = reserved(server, customer_id="c1")

    second = reserved(server, customer_id="c1", lines=[line(unit_price="50.00")])

    assert second["quote"]["total"] == "45.00"
    assert server.get(f"{REDEMPTIONS}{first['id']}/").json()["status"] == "cancelled"
    assert Usage.objects.get().redemption_id == uuid.UUID(second["id"])
    third = reserved(server, customer_id="c2")
    assert {str(usage.redemption_id) for usage in Usage.objects.all()} == {third["id"]}


def test_a_replacement_that_is_refused_leaves_the_reservation(server: Client) -> None:
    first = reserved(server, customer_id="c1")

    assert refused(post(server, REDEMPTIONS, order(customer_id="c1", codes=["TEN", "NOSUCH"]))) == (
        409,
        "code_not_found",
    )

    assert server.get(f"{REDEMPTIONS}{first['id']}/").json() == first
    assert Usage.objects.get().redemption_id == uuid.UUID(first["id"])


def test_a_confirmed_order_is_not_replaced(server: Client) -> None:
    first = reserved(server, customer_id="c1")
    verb(server, first, "confirm")

    response = post(server, REDEMPTIONS, order(customer_id="c1", codes=[]))

    assert refused(response) == (409, "invalid_status")
    assert response.json()["current_status"] == "confirmed"


def test_order_references_are_the_brands_own_and_the_shoppers_own(
    server: Client, brand_client: ClientOf, shopper: Client, shopper_client: ClientOf
) -> None:
    clients = [(server, {"customer_id": "c1"}), (brand_client(BrandFactory()), {"customer_id": "c1"}), (shopper, {}),
               (shopper_client(ShopperFactory()), {})]  # fmt: skip

    ids = {reserved(client, codes=[], **who)["id"] for client, who in clients}

    assert len(ids) == 4
    assert Redemption.objects.filter(status=Status.RESERVED).count() == 4


# --- all or nothing --------------------------------------------------------------------------------------------------
REASONS: dict[str, Callable[[Brand], Any]] = {
    "code_not_found": lambda _: None,
    "code_inactive": lambda brand: DiscountCodeFactory(text="BAD", brand=brand, is_active=False),
    "code_expired": lambda brand: DiscountCodeFactory(text="BAD", brand=brand, validity=timezone.now()),
    "audience_not_member": lambda brand: DiscountCodeFactory(text="BAD", brand=brand, audience="friends"),
    "minimum_not_met": lambda brand: conditioned(brand, {"kind": "min_subtotal", "value": "124.10"}),
    "currency_mismatch": lambda brand: conditioned(brand, {"kind": "currency", "any": ["USD"]}),
    "outside_schedule": lambda brand: conditioned(brand, {"kind": "date_range", "to": "2020-01-01"}),
    "no_eligible_lines": lambda brand: DiscountCodeFactory(
        text="BAD", brand=brand, terms={"select": {"skus": ["sock"]}}
    ),
    "not_combinable": lambda brand: DiscountCodeFactory(
        text="BAD", brand=brand, percent=5, terms={"combinable": False}
    ),
}
MEMBERS: dict[str, dict[str, Any]] = {"minimum_not_met": {"missing": "4.10"}, "not_combinable": {"with": ["TEN"]}}


def conditioned(brand: Brand, condition: dict[str, Any]) -> DiscountCode:
    code: DiscountCode = DiscountCodeFactory(text="BAD", brand=brand, terms={"conditions": [condition]})
    return code


@pytest.mark.parametrize("reason", REASONS)
def test_one_code_that_cannot_be_had_refuses_the_whole(reason: str, shopper: Client, billo: Brand) -> None:
    REASONS[reason](billo)

    response = post(shopper, REDEMPTIONS, order(codes=["TEN", "BAD"]))

    assert refused(response) == (409, reason)
    document = response.json()
    assert document["code_text"] == "BAD"
    assert {name: document[name] for name in MEMBERS.get(reason, {})} == MEMBERS.get(reason, {})
    assert not Redemption.objects.exists()
    assert not Usage.objects.exists()


@pytest.mark.parametrize("reason", REASONS)
def test_skipping_takes_the_rest_and_says_why(reason: str, shopper: Client, billo: Brand) -> None:
    REASONS[reason](billo)

    answer = reserved(shopper, codes=["TEN", "BAD"], on_reject="skip")

    assert [applied["code"] for applied in answer["quote"]["applied"]] == ["TEN"]
    assert [(one["code"], one["reason"]["code"]) for one in answer["quote"]["rejected"]] == [("BAD", reason)]
    assert Usage.objects.count() == 1


def test_a_code_that_was_used_or_is_held_is_refused(shopper: Client) -> None:
    first = reserved(shopper)

    assert refused(post(shopper, REDEMPTIONS, order(order="2"))) == (409, "code_already_used")
    verb(shopper, first, "confirm")
    assert refused(post(shopper, REDEMPTIONS, order(order="2"))) == (409, "code_already_used")
    assert refused(post(shopper, "/api/v1/discountcodeusage/", {"discount_code": "TEN"})) == (409, "code_already_used")

    assert Redemption.objects.count() == Usage.objects.count() == 1


def test_a_code_used_apart_from_checkout_is_refused_at_checkout(shopper: Client) -> None:
    post(shopper, "/api/v1/discountcodeusage/", {"discount_code": "TEN"})

    assert refused(post(shopper, REDEMPTIONS, order())) == (409, "code_already_used")
    assert not Redemption.objects.exists()


def test_a_first_order_code_is_refused_for_the_second(server: Client, billo: Brand) -> None:
    conditioned(billo, {"kind": "nth_order", "value": 1})
    verb(server, reserved(server, customer_id="c1", codes=["BAD"]), "confirm")
    DiscountCodeFactory(text="AGAIN", brand=billo, terms={"conditions": [{"kind": "nth_order", "value": 1}]})

    response = post(server, REDEMPTIONS, order(customer_id="c1", order="2", codes=["AGAIN"]))

    assert refused(response) == (409, "first_order_only")


def test_a_total_that_changed_is_refused_with_the_new_one(shopper: Client) -> None:
    response = post(shopper, REDEMPTIONS, order(expect_total="100.00"))

    assert refused(response) == (409, "price_changed")
    assert (response.json()["expected"], response.json()["total"]) == ("100.00", "108.00")
    assert not Usage.objects.exists()
    assert reserved(shopper, expect_total="108")["status"] == "reserved"


def test_guessing_codes_is_throttled_also_where_they_are_skipped(shopper: Client) -> None:
    guesses = [f"GUESS{number}" for number in range(20)]
    assert reserved(shopper, codes=guesses, on_reject="skip", order="1")
    assert reserved(shopper, codes=guesses, on_reject="skip", order="2")

    assert refused(post(shopper, REDEMPTIONS, order(order="3"))) == (429, "throttled")
    assert not Usage.objects.exists()


def test_guessing_codes_is_throttled_one_by_one(shopper: Client) -> None:
    statuses = [post(shopper, REDEMPTIONS, order(codes=[f"GUESS{number}"])).status_code for number in range(32)]

    assert statuses == [409] * 30 + [429] * 2
