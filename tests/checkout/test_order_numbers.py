"""Offers for a certain order of a customer, such as the first, while other orders are under way."""

import pytest
from django.test import Client

from accounts.models import Brand
from tests.checkout.builders import (
    QUOTE,
    REDEMPTIONS,
    cart,
    expire_reservation,
    line,
    order,
    post,
    post_action,
    reserve_order,
    status_and_code,
)
from tests.factories import PromotionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def first(billo: Brand) -> None:
    """Billo's code FIRST, for 15% off the first order."""
    offer = {"conditions": [{"kind": "nth_order", "value": 1}], "benefits": [{"kind": "percent", "value": "15"}]}
    PromotionFactory(brand=billo, trigger="code", text="FIRST", offer=offer)


def request(number: str, **changes: object) -> dict[str, object]:
    return order(**({"order": number, "customer_id": "u1", "lines": [line()], "codes": ["FIRST"]} | changes))


def discount(client: Client, **changes: object) -> str:
    answer = post(client, QUOTE, cart(**({"customer_id": "u1", "lines": [line()], "codes": ["FIRST"]} | changes)))
    assert answer.status_code == 200, answer.content
    total: str = answer.json()["discount_total"]
    return total


def test_a_second_order_is_rejected_while_the_first_is_under_way(server: Client) -> None:
    first = reserve_order(server, **request("o1"))

    refused = post(server, REDEMPTIONS, request("o2"))

    assert status_and_code(refused) == (409, "first_order_only")
    assert refused.json()["reserved_orders"] == 1
    assert reserve_order(server, **request("o2", on_reject="skip"))["quote"]["discount_total"] == "0.00"
    post_action(server, first, "confirm")
    assert status_and_code(post(server, REDEMPTIONS, request("o3"))) == (409, "first_order_only")
    assert reserve_order(server, **request("o4", customer_id="u2"))["quote"]["discount_total"] == "15.00"


def test_an_order_without_the_offer_counts_too(server: Client) -> None:
    reserve_order(server, **request("o1", codes=[]))

    assert status_and_code(post(server, REDEMPTIONS, request("o2"))) == (409, "first_order_only")


@pytest.mark.parametrize("ending", ["cancel", "expire"])
def test_the_offer_is_available_again_when_the_order_under_way_ends(server: Client, ending: str) -> None:
    first = reserve_order(server, **request("o1"))
    assert discount(server) == "0.00"

    if ending == "cancel":
        post_action(server, first, "cancel")
    else:
        expire_reservation(first)

    assert discount(server) == "15.00"
    assert reserve_order(server, **request("o2"))["quote"]["discount_total"] == "15.00"
    assert status_and_code(post_action(server, first, "confirm"))[0] == 409


def test_an_order_does_not_count_itself(server: Client) -> None:
    reserve_order(server, **request("o1"))

    assert (discount(server), discount(server, order="o1"), discount(server, order="o2")) == ("0.00", "15.00", "0.00")
    changed = reserve_order(server, **request("o1", lines=[line(quantity=2)]))
    assert changed["quote"]["discount_total"] == "30.00"


def test_a_second_order_offer_needs_a_paid_first_order(server: Client, billo: Brand) -> None:
    offer = {"conditions": [{"kind": "nth_order", "value": 2}], "benefits": [{"kind": "percent", "value": "20"}]}
    PromotionFactory(brand=billo, trigger="code", text="SECOND", offer=offer)
    first = reserve_order(server, **request("o1"))

    assert discount(server, codes=["SECOND"]) == "0.00"
    post_action(server, first, "confirm")
    assert discount(server, codes=["SECOND"]) == "20.00"
