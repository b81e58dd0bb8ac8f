"""Quotes over HTTP: answers, rejected codes, callers, and numbers of queries."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Brand, Customer, User
from checkout.models import Redemption
from discounts.models import Usage
from segments.services import apply_audience
from tests.checkout.builders import QUOTE, REDEMPTIONS, ClientOf, cart, error_fields, line, order, post
from tests.factories import (
    ApiKeyFactory,
    BrandFactory,
    CustomerFactory,
    DiscountCodeFactory,
    PromotionFactory,
    ShopperFactory,
)

pytestmark = pytest.mark.django_db


def quoted(client: Client, **changes: Any) -> dict[str, Any]:
    response = post(client, QUOTE, cart(**changes))
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def reasons(answer: dict[str, Any]) -> dict[str, str]:
    return {rejected["code"]: rejected["reason"]["code"] for rejected in answer["rejected"]}


# --- answers ---------------------------------------------------------------------------------------------------------
def test_a_cart_without_codes_has_no_discount(shopper: Client) -> None:
    assert quoted(shopper, shipping="4.99") == {
        "currency": "EUR", "subtotal": "120.00", "shipping": "4.99", "discount_total": "0.00", "total": "124.99",
        "lines": [
            {"id": "a", "subtotal": "100.00", "discount": "0.00", "total": "100.00"},
            {"id": "b", "subtotal": "20.00", "discount": "0.00", "total": "20.00"},
        ],
        "applied": [], "gifts": [], "rejected": [], "next_best": [],
    }  # fmt: skip


def test_a_discount_is_divided_among_the_lines(shopper: Client, billo: Brand) -> None:
    DiscountCodeFactory(text="TEN", brand=billo)

    answer = quoted(shopper, codes=[" ten "], shipping="4.99")

    assert (answer["discount_total"], answer["total"]) == ("12.00", "112.99")
    assert [(row["discount"], row["total"]) for row in answer["lines"]] == [("10.00", "90.00"), ("2.00", "18.00")]
    assert answer["applied"] == [
        {
            "kind": "discount_code", "id": "TEN", "code": "TEN", "name": "10%", "amount": "12.00",
            "lines": [{"id": "a", "amount": "10.00"}, {"id": "b", "amount": "2.00"}], "shipping": "0.00",
        }
    ]  # fmt: skip
    assert answer["rejected"] == []


def test_several_shipping_methods_have_separate_prices(shopper: Client) -> None:
    DiscountCodeFactory(text="SHIP", percent=50, terms={"on": "shipping"})
    methods = [{"id": "post", "price": "4.00"}, {"id": "van", "price": "10.00"}]

    answer = quoted(shopper, codes=["SHIP"], shipping=methods)

    post_line = {"id": "post", "price": "4.00", "discount": "2.00", "discount_total": "2.00", "total": "122.00"}
    van_line = {"id": "van", "price": "10.00", "discount": "5.00", "discount_total": "5.00", "total": "125.00"}
    assert (answer["shipping"], answer["discount_total"], answer["total"]) == ("4.00", "2.00", "122.00")
    assert (answer["shipping_method"], answer["shipping_lines"]) == ("post", [post_line, van_line])
    assert (answer["applied"][0]["lines"], answer["applied"][0]["shipping"]) == ([], "2.00")
    chosen = quoted(shopper, codes=["SHIP"], shipping=methods, shipping_method="van")
    assert (chosen["shipping"], chosen["discount_total"], chosen["total"]) == ("10.00", "5.00", "125.00")
    assert (chosen["shipping_method"], chosen["shipping_lines"]) == ("van", [van_line])


def test_each_method_gets_the_offers_that_are_best_for_it(server: Client, billo: Brand) -> None:
    van_only = {"kind": "shipping_method", "any": ["van"]}
    PromotionFactory(brand=billo, offer={"benefits": [{"kind": "percent", "value": 50}], "conditions": [van_only]})
    methods = [{"id": "post", "price": "4.00"}, {"id": "van", "price": "10.00"}, {"id": "bike", "price": "3.00"}]

    answer = quoted(server, shipping=methods, customer_id="c1")

    totals = {method["id"]: (method["discount_total"], method["total"]) for method in answer["shipping_lines"]}
    assert totals == {"post": ("0.00", "124.00"), "van": ("60.00", "70.00"), "bike": ("0.00", "123.00")}
    assert (answer["shipping_method"], answer["total"]) == ("van", "70.00")
    assert quoted(server, shipping=methods, shipping_method="bike", customer_id="c1")["total"] == "123.00"


def test_an_order_pays_for_the_chosen_method_only(server: Client, ten: None) -> None:
    methods = [{"id": "post", "price": "4.00"}, {"id": "van", "price": "10.00"}]
    body = cart(customer_id="c1", shipping=methods, order="1", codes=["TEN"])
    for changes, code in (({}, "required"), ({"shipping_method": "bike"}, "invalid")):
        problem = post(server, REDEMPTIONS, body | changes).json()
        assert [(error["field"], error["code"]) for error in problem["errors"]] == [("shipping_method", code)]

    reserved = post(server, REDEMPTIONS, body | {"shipping_method": "van"}).json()
    confirmed = post(server, f"{REDEMPTIONS}{reserved['id']}/confirm/").json()
    assert (confirmed["quote"]["shipping"], confirmed["quote"]["total"]) == ("10.00", "118.00")
    lines = cart()["lines"][:1]
    amended = post(
        server, f"{REDEMPTIONS}{reserved['id']}/amend/",
        {"currency": "EUR", "lines": lines, "shipping": methods, "shipping_method": "post"},
    ).json()  # fmt: skip
    assert (amended["quote"]["shipping"], amended["quote"]["total"]) == ("4.00", "94.00")
    refund = post(server, f"{REDEMPTIONS}{reserved['id']}/refund/").json()
    assert refund["refund"]["amount"] == "104.00"
    call_command("check_consistency")


def test_a_cart_may_have_shipping_without_lines(shopper: Client) -> None:
    DiscountCodeFactory(text="SHIP", percent=50, terms={"on": "shipping"})

    answer = quoted(shopper, lines=[], shipping="4.00", codes=["SHIP"])

    assert (answer["lines"], answer["subtotal"], answer["total"]) == ([], "0.00", "2.00")


@pytest.mark.parametrize(
    ("currency", "price", "discount", "total"),
    [("JPY", "1255", "126", "1129"), ("KWD", "1.255", "0.126", "1.129"), ("EUR", "12.5", "1.25", "11.25")],
)
def test_amounts_have_exactly_the_decimals_of_the_currency(
    currency: str, price: str, discount: str, total: str, shopper: Client
) -> None:
    DiscountCodeFactory(text="TEN")

    answer = quoted(shopper, currency=currency, lines=[line(unit_price=price)], codes=["TEN"])

    assert (answer["discount_total"], answer["total"]) == (discount, total)


def test_a_free_line_and_a_line_with_every_option_are_priced(shopper: Client, billo: Brand) -> None:
    DiscountCodeFactory(text="HALF", percent=50, brand=billo)
    full = line(id="b", categories=["shoes"], brand="billo", min_unit_price="80.00", already_discounted=True)
    lines = [line(unit_price="0"), full, line(id="c", discountable=False), line(id="d", brand="another")]

    answer = quoted(
        shopper, lines=lines, codes=["HALF"], country="ES", transaction_type="topup", vouchers=[], customer_id=None
    )

    assert [row["discount"] for row in answer["lines"]] == ["0.00", "20.00", "0.00", "0.00"]


def test_the_order_of_codes_and_lines_changes_no_amount(shopper: Client, billo: Brand) -> None:
    for text, percent in (("ONE", 10), ("TWO", 33), ("THREE", 7)):
        DiscountCodeFactory(text=text, percent=percent, brand=billo)
    lines = [line(id=name, unit_price=price) for name, price in (("a", "19.99"), ("b", "0.01"), ("c", "7.77"))]

    one = quoted(shopper, lines=lines, codes=["ONE", "TWO", "THREE"])
    other = quoted(shopper, lines=lines[::-1], codes=["three", "TWO", "one"])

    assert (one["total"], sorted(one["lines"], key=lambda row: row["id"])) == (
        other["total"],
        sorted(other["lines"], key=lambda row: row["id"]),
    )


def test_an_offer_that_the_cart_almost_qualifies_for_is_named(shopper: Client) -> None:
    DiscountCodeFactory(text="BIG", terms={"conditions": [{"kind": "min_subtotal", "value": "124.10"}]})

    answer = quoted(shopper, codes=["BIG"])

    assert answer["rejected"][0]["reason"]["missing"] == "4.10"
    assert answer["next_best"] == [
        {"kind": "discount_code", "id": "BIG", "name": "10%", "missing": {"amount": "4.10"}, "amount": "12.00"}
    ]


def test_a_quote_redeems_nothing(shopper: Client, server: Client, billo: Brand) -> None:
    DiscountCodeFactory(text="TEN", brand=billo)
    before = Customer.objects.count()

    for _ in range(2):
        assert quoted(shopper, codes=["TEN"])["discount_total"] == "12.00"
        assert quoted(server, codes=["TEN"], customer_id="never-seen")["discount_total"] == "12.00"

    assert not Usage.objects.exists()
    assert not Redemption.objects.exists()
    assert Customer.objects.count() == before


# --- rejected codes --------------------------------------------------------------------------------------------------
def test_every_rejected_code_has_its_reason(shopper: Client, user: User, billo: Brand) -> None:
    wrong_day = [{"kind": "date_range", "from": "2020-01-01", "to": "2020-01-02"}]
    DiscountCodeFactory(text="OFF", brand=billo, decision="paused")
    DiscountCodeFactory(text="OLD", brand=billo, end_date=timezone.now())
    DiscountCodeFactory(text="FRIENDS", brand=billo, audience="friends")
    DiscountCodeFactory(text="CLOSED", brand=billo, terms={"conditions": wrong_day})
    DiscountCodeFactory(text="BIG", brand=billo, terms={"conditions": [{"kind": "min_subtotal", "value": "500"}]})
    DiscountCodeFactory(text="SOCKS", brand=billo, terms={"select": {"skus": ["sock"]}})
    DiscountCodeFactory(text="DOLLARS", brand=billo, terms={"conditions": [{"kind": "currency", "any": ["USD"]}]})
    DiscountCodeFactory(text="USED", brand=billo)
    post(shopper, "/api/v1/discountcodeusage/", {"discount_code": "USED"})
    expected = {
        "OFF": "code_inactive", "OLD": "code_expired", "FRIENDS": "audience_not_member", "CLOSED": "outside_schedule",
        "BIG": "minimum_not_met", "SOCKS": "no_eligible_lines", "DOLLARS": "currency_mismatch",
        "USED": "code_already_used", "NOSUCH": "code_not_found", "!": "code_not_found",
    }  # fmt: skip

    answer = quoted(shopper, codes=list(expected))

    assert reasons(answer) == expected
    assert all(rejected["reason"]["detail"] for rejected in answer["rejected"])
    assert answer["total"] == "120.00"
    assert Usage.objects.count() == 1


def test_impossible_codes_are_rejected_as_typed(shopper: Client) -> None:
    assert reasons(quoted(shopper, codes=["!", "?", "nosuch", "añil"])) == dict.fromkeys(
        ["!", "?", "nosuch", "añil"], "code_not_found"
    )


def test_a_code_typed_twice_is_applied_once(shopper: Client) -> None:
    DiscountCodeFactory(text="TEN")

    answer = quoted(shopper, codes=["TEN", "ten", " Ten"])

    assert (answer["discount_total"], len(answer["applied"]), answer["rejected"]) == ("12.00", 1, [])


def test_the_better_of_two_exclusive_codes_is_applied_and_named(shopper: Client, billo: Brand) -> None:
    DiscountCodeFactory(text="TEN", brand=billo)
    DiscountCodeFactory(text="HALF", percent=50, brand=billo, terms={"combinable": False})

    answer = quoted(shopper, codes=["TEN", "HALF"])

    assert [applied["code"] for applied in answer["applied"]] == ["HALF"]
    assert answer["rejected"][0]["code"] == "TEN"
    assert (answer["rejected"][0]["reason"]["code"], answer["rejected"][0]["reason"]["with"]) == (
        "not_combinable",
        ["HALF"],
    )


def test_a_first_order_code_applies_to_the_first_order_only(
    shopper: Client, server: Client, user: User, billo: Brand
) -> None:
    DiscountCodeFactory(text="FIRST", brand=billo, terms={"conditions": [{"kind": "nth_order", "value": 1}]})
    request = {"codes": ["FIRST"], "customer_id": user.customer.customer_id}
    assert quoted(server, **request)["discount_total"] == "12.00"
    placed = post(server, "/api/v1/checkout/redemptions/", cart(order="1", customer_id=user.customer.customer_id))
    post(server, f"/api/v1/checkout/redemptions/{placed.json()['id']}/confirm/")

    assert reasons(quoted(server, **request)) == {"FIRST": "first_order_only"}
    assert quoted(server, codes=["FIRST"], customer_id="another")["discount_total"] == "12.00"


def test_the_code_of_an_audience_applies_to_its_members_only(
    shopper: Client, server: Client, user: User, billo: Brand
) -> None:
    DiscountCodeFactory(text="FRIENDS", brand=billo, audience="friends")
    apply_audience(brand=billo, segment_type="friends", operation="add", customer_ids=[user.customer.customer_id])

    assert quoted(shopper, codes=["FRIENDS"])["discount_total"] == "12.00"
    assert quoted(server, codes=["FRIENDS"], customer_id=user.customer.customer_id)["discount_total"] == "12.00"
    assert reasons(quoted(server, codes=["FRIENDS"], customer_id="never-seen")) == {"FRIENDS": "audience_not_member"}


# --- callers ---------------------------------------------------------------------------------------------------------
def test_a_quote_needs_a_shopper_or_an_active_brand(brand_client: ClientOf) -> None:
    internal = ApiKeyFactory(internal=True)

    assert post(Client(), QUOTE, cart()).status_code == 401
    assert post(Client(headers={"Authorization": f"Api-Key {internal.text}"}), QUOTE, cart()).status_code == 403
    assert post(brand_client(BrandFactory(is_active=False)), QUOTE, cart(customer_id="c1")).status_code == 403


def test_a_shopper_gets_no_quotes_for_other_customers(shopper: Client, user: User) -> None:
    CustomerFactory(customer_id="another")

    for stranger in ("another", "never-seen"):
        assert post(shopper, QUOTE, cart(customer_id=stranger)).status_code == 403
    assert post(shopper, QUOTE, cart(customer_id=user.customer.customer_id)).status_code == 200


def test_guessing_codes_is_throttled_by_code_and_by_shopper(shopper: Client, server: Client) -> None:
    DiscountCodeFactory(text="REAL")
    for number in range(0, 20, 5):
        assert post(shopper, QUOTE, cart(codes=[f"GUESS{number + more}" for more in range(5)])).status_code == 200
    assert post(shopper, QUOTE, cart(codes=[f"GUESS{number}" for number in range(20, 40)])).status_code == 429

    response = post(shopper, QUOTE, cart(codes=["REAL"]))

    assert (response.status_code, response.json()["code"]) == (429, "throttled")
    assert int(response["Retry-After"]) > 0
    for number in range(40):
        answer = post(server, QUOTE, cart(codes=[f"G{number}", f"H{number}"], customer_id=f"c{number % 4}"))
        assert answer.status_code == (200 if number < 60 else 429), number


def test_a_key_cannot_spread_guesses_over_invented_customers(server: Client, settings: Any, billo: Brand) -> None:
    settings.THROTTLES = settings.THROTTLES | {"key_code_miss": "5/minute"}
    DiscountCodeFactory(text="REAL", brand=billo)

    statuses = [
        post(server, QUOTE, cart(codes=[f"GUESS{number}"], customer_id=f"invented-{number}")).status_code
        for number in range(7)
    ]

    assert statuses == [200] * 5 + [429] * 2
    assert post(server, QUOTE, cart(codes=["REAL"], customer_id="another")).status_code == 429
    assert post(server, QUOTE, cart(customer_id="another")).status_code == 200  # guesses nothing
    assert post(server, REDEMPTIONS, cart(codes=["REAL"], customer_id="another", order="1")).status_code == 429


def test_a_key_has_a_higher_limit_than_a_shopper(server: Client) -> None:
    statuses = {
        post(
            server, QUOTE, cart(codes=[f"G{number}-{more}" for more in range(10)], customer_id=f"c{number}")
        ).status_code
        for number in range(60)
    }

    assert statuses == {200}
    assert post(server, QUOTE, cart(codes=["GUESS"], customer_id="c60")).status_code == 429


def test_a_shopper_guesses_once_at_every_endpoint(shopper: Client, settings: Any) -> None:
    settings.THROTTLES = settings.THROTTLES | {"cart_code_miss": "2/minute"}
    assert post(shopper, QUOTE, cart(codes=["GUESS"])).status_code == 200
    assert post(shopper, "/api/v1/discountcodeusage/", {"discount_code": "GUESS"}).status_code == 404

    assert post(shopper, QUOTE, cart(codes=["GUESS"])).status_code == 429
    assert post(shopper, "/api/v1/discountcodeusage/", {"discount_code": "GUESS"}).status_code == 429


def test_known_codes_are_never_throttled(shopper: Client) -> None:
    DiscountCodeFactory(text="OLD", end_date=timezone.now() - timedelta(days=1))

    assert {post(shopper, QUOTE, cart(codes=["OLD"])).status_code for _ in range(40)} == {200}


# --- numbers of queries ----------------------------------------------------------------------------------------------
def test_the_number_of_queries_is_independent_of_the_number_of_codes(
    shopper: Client, server: Client, billo: Brand
) -> None:
    terms = {"conditions": [{"kind": "nth_order", "value": 1}, {"kind": "audience", "any": ["friends"]}]}
    names = [DiscountCodeFactory(brand=billo, terms=terms).code for _ in range(20)]
    for client, who, ceiling in ((shopper, {}, 5), (server, {"customer_id": ShopperFactory().customer.customer_id}, 9)):
        counts = []
        for number in (1, 20):
            quoted(client, codes=names[:number], **who)
            with CaptureQueriesContext(connection) as queries:
                quoted(client, codes=names[:number], **who)
            counts.append(len(queries))
        assert counts[0] == counts[1] <= ceiling


def test_a_shoppers_quote_with_plain_codes_runs_three_queries(shopper: Client, django_assert_num_queries: Any) -> None:
    DiscountCodeFactory(text="TEN")

    with django_assert_num_queries(3):
        quoted(shopper, codes=["TEN"])
    with django_assert_num_queries(0):
        quoted(shopper)


def test_a_quote_accepts_an_order_reference(shopper: Client) -> None:
    DiscountCodeFactory(text="TEN")

    assert post(shopper, QUOTE, order()).status_code == 200
    assert not Redemption.objects.exists()


def test_a_quote_refuses_the_other_members_of_an_order(shopper: Client) -> None:
    response = post(shopper, QUOTE, order(on_reject="skip", ttl_seconds=60))

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["on_reject", "ttl_seconds"]


def test_an_unknown_voucher_is_rejected_and_fails_a_redemption(shopper: Client) -> None:
    voucher = str(uuid.uuid4())

    rejected = quoted(shopper, vouchers=[voucher])["rejected"]
    response = post(shopper, "/api/v1/checkout/redemptions/", order(vouchers=[voucher]))

    assert rejected == [{"code": voucher, "reason": {"code": "code_not_found", "detail": "Voucher not found."}}]
    assert (response.status_code, response.json()["code"]) == (409, "code_not_found")


def test_a_server_quotes_for_a_visitor_whom_it_does_not_know(server: Client, billo: Brand, ten: None) -> None:
    DiscountCodeFactory(text="MINE", brand=billo)
    condition = {"kind": "nth_order", "value": 1}
    benefit = {"kind": "amount", "value": "5.00", "on": "order"}
    PromotionFactory(brand=billo, name="First order", offer={"conditions": [condition], "benefits": [benefit]})
    PromotionFactory(brand=billo, name="Members", target_audience="members")
    body = cart(codes=["TEN", "NOSUCH"])

    answer = post(server, QUOTE, body).json()

    assert {offer["name"] for offer in answer["applied"]} >= {"First order"}
    assert [(one["code"], one["reason"]["code"]) for one in answer["rejected"]] == [("NOSUCH", "code_not_found")]
    known = post(server, QUOTE, body | {"customer_id": "new"}).json()
    assert answer == known
    refused = post(server, REDEMPTIONS, body | {"order": "1"})
    assert (refused.status_code, error_fields(refused)) == (400, ["customer_id"])
