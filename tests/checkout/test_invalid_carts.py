"""Invalid carts: errors name their fields, and no body causes a server error."""

from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Brand
from tests.checkout.builders import QUOTE, REDEMPTIONS, cart, error_fields, line, post
from tests.factories import DiscountCodeFactory

pytestmark = pytest.mark.django_db


BAD: list[tuple[dict[str, Any], str]] = [
    ({"currency": None}, "currency"), ({"currency": "EURO"}, "currency"), ({"currency": "ZZZ"}, "currency"),
    ({"currency": "eur"}, "currency"), ({"currency": 978}, "currency"), ({"currency": ["EUR"]}, "currency"),
    ({"lines": None}, "lines"), ({"lines": []}, "lines"), ({"lines": {}}, "lines"), ({"lines": "a"}, "lines"),
    ({"lines": [7]}, "lines.0"), ({"lines": [None]}, "lines.0"), ({"lines": [[]]}, "lines.0"),
    ({"lines": [line(), line()]}, "lines"),
    ({"lines": [line(quantity=1_000_000, unit_price="1000000000.00")]}, "lines"),
    ({"shipping": "4.999"}, "shipping"), ({"shipping": 4.99}, "shipping"), ({"shipping": 4}, "shipping"),
    ({"shipping": "-1.00"}, "shipping"), ({"shipping": {}}, "shipping"), ({"shipping": True}, "shipping"),
    ({"shipping": [{"id": "post"}]}, "shipping.0.price"), ({"shipping": [{"price": "1.00"}]}, "shipping.0.id"),
    ({"shipping": [{"id": "post", "price": "1.001"}]}, "shipping"), ({"shipping": ["4.99"]}, "shipping.0"),
    ({"shipping": [{"id": "post", "price": "1"}, {"id": "post", "price": "2"}]}, "shipping"),
    ({"shipping": [{"id": str(number), "price": "1"} for number in range(21)]}, "shipping"),
    ({"transaction_type": ""}, "transaction_type"), ({"transaction_type": "x" * 51}, "transaction_type"),
    ({"transaction_type": 5}, "transaction_type"), ({"transaction_type": {}}, "transaction_type"),
    ({"country": "Spain"}, "country"), ({"country": "es"}, "country"), ({"country": 34}, "country"),
    ({"codes": "TEN"}, "codes"), ({"codes": {}}, "codes"), ({"codes": [""]}, "codes.0"),
    ({"codes": [["TEN"]]}, "codes.0"), ({"codes": [True]}, "codes.0"), ({"codes": [10]}, "codes.0"),
    ({"codes": ["x" * 201]}, "codes.0"), ({"codes": [f"CODE{number}" for number in range(21)]}, "codes"),
    ({"vouchers": "x"}, "vouchers"), ({"vouchers": ["x"]}, "vouchers.0"), ({"vouchers": [1]}, "vouchers.0"),
    ({"customer_id": ""}, "customer_id"), ({"customer_id": "x" * 101}, "customer_id"),
    ({"customer_id": 5}, "customer_id"), ({"customer_id": ["c1"]}, "customer_id"),
]  # fmt: skip
BAD_LINES: list[tuple[str, list[Any]]] = [
    ("id", [None, "", "x" * 65, 7, [], True]),
    ("sku", [None, "", "x" * 201, 7, {}, False]),
    ("quantity", [None, 0, -1, 1.5, "two", "2", True, [], 1_000_001, 10**400, 1e300]),
    (
        "unit_price",
        [None, "", 1, 1.5, "1.005", "-1", "1e2", "NaN", "Infinity", "\u0661", " 1", "1,00", "1" * 40, True, []],
    ),
    ("min_unit_price", ["1.005", 1, "-1", "x", []]),
    ("categories", ["shoes", {}, ["x" * 201], [""], [7], ["c"] * 101]),
    ("brand", ["", "not a slug", 7, []]),
    ("discountable", ["perhaps", 2, [], "true", 1]),
    ("already_discounted", ["perhaps", 2, {}, "no", 0]),
]


@pytest.mark.parametrize(("changes", "field"), BAD)
def test_an_invalid_field_is_reported_by_name(changes: dict[str, Any], field: str, shopper: Client) -> None:
    response = post(shopper, QUOTE, cart(**changes))

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert response["Content-Type"] == "application/problem+json"
    assert error_fields(response) == [field]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD_LINES for value in values])
def test_an_invalid_field_of_a_line_is_reported_by_name(name: str, value: Any, shopper: Client) -> None:
    response = post(shopper, QUOTE, cart(lines=[line(), line(id="b") | {name: value}]))

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert len(error_fields(response)) == 1
    assert error_fields(response)[0].startswith(f"lines.1.{name}")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"7", b'"cart"', b"null", b"{", b"\xff", b'{"currency": "EU\\u0000R", "lines": []}',
     b'{"currency": "EUR", "lines": [{"id": "\\ud800"}]}', b'{"currency": "EUR", "lines": [1e999]}',
     b'{"currency": "EUR", "lines": [NaN]}', b"[" * 5000, b'{"lines":' * 100 + b"1" + b"}" * 100, b"9" * 5000],
)  # fmt: skip
def test_a_body_that_is_not_a_cart_is_rejected(body: bytes, shopper: Client) -> None:
    response = shopper.post(QUOTE, body, content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (400, "invalid")


def test_large_bodies_and_other_media_types_are_rejected(shopper: Client) -> None:
    assert shopper.post(QUOTE, b" " * (1024 * 1024 + 1), content_type="application/json").status_code == 413
    assert shopper.post(QUOTE, b"currency=EUR", content_type="application/x-www-form-urlencoded").status_code == 415
    assert shopper.get(QUOTE).status_code == 405


def test_the_largest_cart_is_priced(server: Client, billo: Brand) -> None:
    DiscountCodeFactory(text="TEN", brand=billo)
    lines = [line(id=str(number), unit_price="1999.99") for number in range(501)]

    answer = post(server, QUOTE, cart(lines=lines[:500], codes=["TEN"], customer_id="c1")).json()
    refused = post(server, QUOTE, cart(lines=lines, customer_id="c1"))

    assert answer["total"] == "899995.50"
    assert len(answer["lines"]) == 500
    assert (refused.status_code, error_fields(refused)) == (400, ["lines"])


# --- generated carts -------------------------------------------------------------------------------------------------
text = st.text(max_size=12)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
amount = st.decimals(0, 10**7, places=2).map(str) | st.sampled_from(["0", "1", "0.001", "99999999999999"])
a_line = st.fixed_dictionaries(
    {
        "id": text | anything, "sku": text | anything,
        "quantity": st.integers(-1, 5) | anything, "unit_price": amount | anything,
    },
    optional={
        "categories": st.lists(text, max_size=2) | anything, "brand": st.sampled_from(["billo", "x"]) | anything,
        "min_unit_price": amount | anything, "discountable": st.booleans() | anything,
        "already_discounted": st.booleans() | anything, "more": anything,
    },
)  # fmt: skip
a_cart = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(["EUR", "JPY", "KWD", "CLF", "XTS"]) | anything,
        "lines": st.lists(a_line, max_size=3) | anything,
    },
    optional={
        "shipping": amount | st.lists(st.fixed_dictionaries({"id": text, "price": amount}), max_size=2) | anything,
        "transaction_type": text | anything, "country": st.sampled_from(["ES", "xx"]) | anything,
        "codes": st.lists(st.sampled_from(["TEN", "BIG", "SHIP", "NOSUCH"]) | text, max_size=4) | anything,
        "vouchers": anything, "customer_id": text | anything, "expect_total": amount | anything,
        "ttl_seconds": st.integers(-1, 4000) | anything, "on_reject": st.sampled_from(["refuse", "skip"]) | anything,
    },
)  # fmt: skip
prices = st.integers(0, 99999).map(str)
sane_line = st.fixed_dictionaries(
    {"sku": st.sampled_from(["shoe", "hat"]), "quantity": st.integers(1, 9), "unit_price": prices},
    optional={"min_unit_price": prices, "discountable": st.booleans(), "categories": st.just(["c"])},
)  # fmt: skip


def number_lines(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the lines distinct IDs."""
    return [members | {"id": str(number)} for number, members in enumerate(lines)]


sane_cart = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(["EUR", "JPY", "KWD"]),
        "lines": st.lists(sane_line, max_size=5).map(number_lines),
        "shipping": st.integers(0, 999).map(str),
        "codes": st.lists(st.sampled_from(["TEN", "BIG", "SHIP", "NOSUCH", "EXPENSIVE"]), max_size=4),
    }
)  # fmt: skip
thorough = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def codes(billo: Brand, settings: Any) -> None:
    """Codes with terms, and no rate limit."""
    settings.THROTTLES = dict.fromkeys(settings.THROTTLES, "1000000/minute")
    DiscountCodeFactory(text="TEN", brand=billo)
    DiscountCodeFactory(
        text="EXPENSIVE", percent=33, brand=billo, terms={"select": {"unit_price_from": "10.00"}, "lane": 1}
    )
    DiscountCodeFactory(text="BIG", brand=billo, terms={"conditions": [{"kind": "min_subtotal", "value": "50.05"}]})
    DiscountCodeFactory(text="SHIP", percent=99, brand=billo, terms={"on": "shipping", "max_discount": "1.25"})


@given(sent=a_cart)
@thorough
def test_no_body_causes_a_server_error(codes: None, shopper: Client, server: Client, sent: Any) -> None:
    for client in (shopper, server):
        for path, body in ((QUOTE, sent), (REDEMPTIONS, sent | {"order": "1"})):
            response = post(client, path, body)
            assert response.status_code in {200, 201, 400, 403, 409}, response.content
            if response.status_code == 400:
                assert response.json()["code"] == "invalid"


@given(sent=sane_cart)
@thorough
def test_the_amounts_of_a_quote_add_up(codes: None, shopper: Client, sent: Any) -> None:
    response = post(shopper, QUOTE, sent)

    assert response.status_code == 200
    answer = response.json()

    def minor(amount: str) -> int:
        return int(amount.replace(".", ""))

    off_lines = sum(minor(row["discount"]) for row in answer["lines"])
    off_shipping = sum(minor(applied["shipping"]) for applied in answer["applied"])
    assert minor(answer["discount_total"]) == off_lines + off_shipping
    assert minor(answer["discount_total"]) == sum(minor(applied["amount"]) for applied in answer["applied"])
    assert minor(answer["total"]) == (
        minor(answer["subtotal"]) + minor(answer["shipping"]) - minor(answer["discount_total"])
    )
    assert all(0 <= minor(row["discount"]) <= minor(row["subtotal"]) for row in answer["lines"])
    decided_codes = {applied["code"] for applied in answer["applied"]} | {
        rejected["code"] for rejected in answer["rejected"]
    }
    assert decided_codes == set(sent["codes"])
