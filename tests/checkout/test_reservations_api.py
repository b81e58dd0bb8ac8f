"""Reservations over HTTP: everything for an order, all or nothing."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, Customer, User
from checkout.models import Redemption
from checkout.services import release_expired
from discounts.models import DiscountCode, Usage
from redemptions.statuses import RedemptionStatus
from tests.checkout.builders import (
    QUOTE,
    REDEMPTIONS,
    ClientOf,
    cart,
    error_fields,
    line,
    order,
    post,
    post_action,
    reserve_order,
    status_and_code,
)
from tests.factories import BrandFactory, CustomerFactory, DiscountCodeFactory, ShopperFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ten")]


# --- reserve ---------------------------------------------------------------------------------------------------------
def test_a_shopper_reserves_an_order(shopper: Client, user: User) -> None:
    quote = post(shopper, QUOTE, cart(codes=["TEN"], shipping="4.99")).json()

    response = post(shopper, REDEMPTIONS, order(shipping="4.99"))

    assert response.status_code == 201
    answer = response.json()
    assert uuid.UUID(answer.pop("id")).version == 7
    created, expires = (datetime.fromisoformat(answer.pop(name)) for name in ("created_at", "expires_at"))
    assert expires - created == timedelta(seconds=900)
    assert answer.pop("quote") == quote
    assert answer.pop("updated_at").endswith("Z")
    assert answer == {
        "external_id": None, "metadata": {},
        "order": "1001", "status": "reserved", "customer_id": user.customer.customer_id,
        "confirmed_at": None,
        "confirmed_by": None, "amended_at": None, "closed_at": None, "refunded": [], "refunded_shipping": None,
    }  # fmt: skip
    assert Usage.objects.get().reserved_until == expires


def test_a_server_reserves_for_an_unknown_customer(server: Client) -> None:
    answer = reserve_order(server, customer_id="brand-new", ttl_seconds=60)

    assert answer["customer_id"] == "brand-new"
    assert Customer.objects.filter(customer_id="brand-new").count() == 1
    assert Redemption.objects.get().brand is not None


@pytest.mark.parametrize("seconds", [901, 259_200, 604_800])
def test_a_server_can_hold_a_reservation_for_days(server: Client, seconds: int) -> None:
    answer = reserve_order(server, customer_id="c1", ttl_seconds=seconds)

    created, expires = (datetime.fromisoformat(answer[name]) for name in ("created_at", "expires_at"))
    assert expires - created == timedelta(seconds=seconds)
    assert Usage.objects.get().reserved_until == expires
    with time_machine.travel(expires - timedelta(seconds=1), tick=False):
        release_expired(at=timezone.now())
        assert post_action(server, answer, "confirm").json()["status"] == "confirmed"


def test_a_long_reservation_ends_like_any_other(server: Client) -> None:
    answer = reserve_order(server, customer_id="c1", ttl_seconds=604_800)
    expires = datetime.fromisoformat(answer["expires_at"])

    assert release_expired(at=expires - timedelta(seconds=1)) == 0
    assert release_expired(at=expires) == 1

    assert not Usage.objects.exists()
    assert Redemption.objects.get().status == "expired"


@pytest.mark.parametrize("seconds", [604_801, 10**9])
def test_no_server_can_hold_a_reservation_for_longer(server: Client, seconds: int) -> None:
    response = post(server, REDEMPTIONS, order(customer_id="c1", ttl_seconds=seconds))

    assert status_and_code(response) == (400, "invalid")
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [("ttl_seconds", "max_value")]
    assert not Redemption.objects.exists()


def test_a_shopper_can_hold_a_reservation_for_a_quarter_of_an_hour(shopper: Client) -> None:
    response = post(shopper, REDEMPTIONS, order(ttl_seconds=901))

    (error,) = response.json()["errors"]
    assert (error["field"], error["code"]) == ("ttl_seconds", "max_value")
    assert "900" in error["detail"]
    assert not Redemption.objects.exists()
    assert reserve_order(shopper, ttl_seconds=900)["status"] == "reserved"


def test_a_cart_without_codes_can_be_reserved(shopper: Client) -> None:
    assert reserve_order(shopper, codes=None)["quote"]["applied"] == []
    assert reserve_order(shopper, order="2", lines=[], shipping="4.00", codes=[])["quote"]["total"] == "4.00"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"order": None}, "order"), ({"order": ""}, "order"), ({"order": "x" * 101}, "order"),
        ({"order": 1001}, "order"), ({"order": ["1"]}, "order"), ({"expect_total": "1.001"}, "expect_total"),
        ({"expect_total": 108}, "expect_total"), ({"expect_total": "-1.00"}, "expect_total"),
        ({"ttl_seconds": 0}, "ttl_seconds"),
        ({"ttl_seconds": 901}, "ttl_seconds"), ({"ttl_seconds": "900"}, "ttl_seconds"),
        ({"ttl_seconds": 1.5}, "ttl_seconds"), ({"ttl_seconds": True}, "ttl_seconds"),
        ({"on_reject": "perhaps"}, "on_reject"), ({"on_reject": ["skip"]}, "on_reject"),
        ({"on_reject": True}, "on_reject"), ({"currency": "EURO"}, "currency"), ({"lines": []}, "lines"),
        ({"codes": "TEN"}, "codes"), ({"lines": [line(quantity=0)]}, "lines.0.quantity"),
        ({"lines": [line(unit_price="1.001")]}, "lines.0.unit_price"),
    ],
)  # fmt: skip
def test_an_invalid_field_is_rejected_and_nothing_is_reserved(
    changes: dict[str, Any], field: str, shopper: Client
) -> None:
    response = post(shopper, REDEMPTIONS, order(**changes))

    assert status_and_code(response) == (400, "invalid")
    assert error_fields(response) == [field]
    assert not Redemption.objects.exists()
    assert not Usage.objects.exists()


def test_only_the_shopper_and_the_brands_server_may_reserve(
    shopper: Client, server: Client, brand_client: ClientOf, user: User
) -> None:
    CustomerFactory(customer_id="another")

    assert status_and_code(post(Client(), REDEMPTIONS, order())) == (401, "not_authenticated")
    assert status_and_code(post(shopper, REDEMPTIONS, order(customer_id="another"))) == (403, "permission_denied")
    missing = post(server, REDEMPTIONS, order())
    assert (status_and_code(missing), error_fields(missing)) == ((400, "invalid"), ["customer_id"])
    assert not Redemption.objects.exists()
    assert reserve_order(shopper, customer_id=user.customer.customer_id)["customer_id"] == user.customer.customer_id


# --- one order, one redemption ---------------------------------------------------------------------------------------
def test_a_repeated_request_returns_the_same_redemption(server: Client) -> None:
    first = reserve_order(server, customer_id="c1")

    assert reserve_order(server, customer_id="c1") == first
    post_action(server, first, "confirm")
    again = reserve_order(server, customer_id="c1")
    assert (again["id"], again["status"]) == (first["id"], "confirmed")
    assert Redemption.objects.count() == 1


def test_another_request_for_the_order_replaces_the_reservation(server: Client) -> None:
    first = reserve_order(server, customer_id="c1")

    second = reserve_order(server, customer_id="c1", lines=[line(unit_price="50.00")])

    assert second["quote"]["total"] == "45.00"
    assert server.get(f"{REDEMPTIONS}{first['id']}/").json()["status"] == "released"
    assert Usage.objects.get().redemption_id == uuid.UUID(second["id"])
    third = reserve_order(server, customer_id="c2")
    assert {str(usage.redemption_id) for usage in Usage.objects.all()} == {third["id"]}


def test_a_rejected_replacement_keeps_the_reservation(server: Client) -> None:
    first = reserve_order(server, customer_id="c1")

    assert status_and_code(post(server, REDEMPTIONS, order(customer_id="c1", codes=["TEN", "NOSUCH"]))) == (
        409,
        "code_not_found",
    )

    assert server.get(f"{REDEMPTIONS}{first['id']}/").json() == first
    assert Usage.objects.get().redemption_id == uuid.UUID(first["id"])


def test_a_confirmed_order_is_not_replaced(server: Client) -> None:
    first = reserve_order(server, customer_id="c1")
    post_action(server, first, "confirm")

    response = post(server, REDEMPTIONS, order(customer_id="c1", codes=[]))

    assert status_and_code(response) == (409, "invalid_status")
    assert response.json()["current_status"] == "confirmed"


def test_order_references_are_unique_per_brand_and_per_shopper(
    server: Client, brand_client: ClientOf, shopper: Client, shopper_client: ClientOf
) -> None:
    clients = [(server, {"customer_id": "c1"}), (brand_client(BrandFactory()), {"customer_id": "c1"}), (shopper, {}),
               (shopper_client(ShopperFactory()), {})]  # fmt: skip

    ids = {reserve_order(client, codes=[], **who)["id"] for client, who in clients}

    assert len(ids) == 4
    assert Redemption.objects.filter(status=RedemptionStatus.RESERVED).count() == 4


# --- all or nothing --------------------------------------------------------------------------------------------------
REASONS: dict[str, Callable[[Brand], Any]] = {
    "code_not_found": lambda _: None,
    "code_inactive": lambda brand: DiscountCodeFactory(text="BAD", brand=brand, decision="paused"),
    "code_expired": lambda brand: DiscountCodeFactory(text="BAD", brand=brand, end_date=timezone.now()),
    "audience_not_member": lambda brand: DiscountCodeFactory(text="BAD", brand=brand, audience="friends"),
    "minimum_not_met": lambda brand: code_with_condition(brand, {"kind": "min_subtotal", "value": "124.10"}),
    "currency_mismatch": lambda brand: code_with_condition(brand, {"kind": "currency", "any": ["USD"]}),
    "outside_schedule": lambda brand: code_with_condition(brand, {"kind": "date_range", "to": "2020-01-01"}),
    "no_eligible_lines": lambda brand: DiscountCodeFactory(
        text="BAD", brand=brand, terms={"select": {"skus": ["sock"]}}
    ),
    "not_combinable": lambda brand: DiscountCodeFactory(
        text="BAD", brand=brand, percent=5, terms={"combinable": False}
    ),
}
MEMBERS: dict[str, dict[str, Any]] = {"minimum_not_met": {"missing": "4.10"}, "not_combinable": {"with": ["TEN"]}}


def code_with_condition(brand: Brand, condition: dict[str, Any]) -> DiscountCode:
    code: DiscountCode = DiscountCodeFactory(text="BAD", brand=brand, terms={"conditions": [condition]})
    return code


@pytest.mark.parametrize("reason", REASONS)
def test_one_rejected_code_fails_the_whole_redemption(reason: str, shopper: Client, billo: Brand) -> None:
    REASONS[reason](billo)

    response = post(shopper, REDEMPTIONS, order(codes=["TEN", "BAD"]))

    assert status_and_code(response) == (409, reason)
    document = response.json()
    assert document["code_text"] == "BAD"
    assert {name: document[name] for name in MEMBERS.get(reason, {})} == MEMBERS.get(reason, {})
    assert not Redemption.objects.exists()
    assert not Usage.objects.exists()


@pytest.mark.parametrize("reason", REASONS)
def test_skipping_reserves_the_rest_and_gives_the_reason(reason: str, shopper: Client, billo: Brand) -> None:
    REASONS[reason](billo)

    answer = reserve_order(shopper, codes=["TEN", "BAD"], on_reject="skip")

    assert [applied["code"] for applied in answer["quote"]["applied"]] == ["TEN"]
    assert [(rejected["code"], rejected["reason"]["code"]) for rejected in answer["quote"]["rejected"]] == [
        ("BAD", reason)
    ]
    assert Usage.objects.count() == 1


def test_a_used_or_reserved_code_is_rejected(shopper: Client) -> None:
    first = reserve_order(shopper)

    assert status_and_code(post(shopper, REDEMPTIONS, order(order="2"))) == (409, "code_already_used")
    post_action(shopper, first, "confirm")
    assert status_and_code(post(shopper, REDEMPTIONS, order(order="2"))) == (409, "code_already_used")
    assert status_and_code(post(shopper, "/api/v1/discountcodeusage/", {"discount_code": "TEN"})) == (
        409,
        "code_already_used",
    )

    assert Redemption.objects.count() == Usage.objects.count() == 1


def test_a_code_used_outside_checkout_is_rejected_at_checkout(shopper: Client) -> None:
    post(shopper, "/api/v1/discountcodeusage/", {"discount_code": "TEN"})

    assert status_and_code(post(shopper, REDEMPTIONS, order())) == (409, "code_already_used")
    assert not Redemption.objects.exists()


def test_a_first_order_code_is_rejected_for_the_second_order(server: Client, billo: Brand) -> None:
    code_with_condition(billo, {"kind": "nth_order", "value": 1})
    post_action(server, reserve_order(server, customer_id="c1", codes=["BAD"]), "confirm")
    DiscountCodeFactory(text="AGAIN", brand=billo, terms={"conditions": [{"kind": "nth_order", "value": 1}]})

    response = post(server, REDEMPTIONS, order(customer_id="c1", order="2", codes=["AGAIN"]))

    assert status_and_code(response) == (409, "first_order_only")


def test_a_changed_total_is_rejected_with_the_new_total(shopper: Client) -> None:
    response = post(shopper, REDEMPTIONS, order(expect_total="100.00"))

    assert status_and_code(response) == (409, "price_changed")
    assert (response.json()["expected"], response.json()["total"]) == ("100.00", "108.00")
    assert not Usage.objects.exists()
    assert reserve_order(shopper, expect_total="108")["status"] == "reserved"


def test_guessing_codes_is_throttled_when_they_are_skipped(shopper: Client) -> None:
    guesses = [f"GUESS{number}" for number in range(20)]
    assert reserve_order(shopper, codes=guesses, on_reject="skip", order="1")
    assert reserve_order(shopper, codes=guesses, on_reject="skip", order="2")

    assert status_and_code(post(shopper, REDEMPTIONS, order(order="3"))) == (429, "throttled")
    assert not Usage.objects.exists()


def test_guessing_single_codes_is_throttled(shopper: Client) -> None:
    statuses = [post(shopper, REDEMPTIONS, order(codes=[f"GUESS{number}"])).status_code for number in range(32)]

    assert statuses == [409] * 30 + [429] * 2
