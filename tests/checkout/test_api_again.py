"""Redemptions over HTTP: the same key again, lists, and what an answer costs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Brand, User
from checkout.models import Redemption
from discounts.models import Usage
from tests.checkout.builders import QUOTE, REDEMPTIONS, ClientOf, cart, fields, order, post, refused, reserved, verb
from tests.factories import BrandFactory, DiscountCodeFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ten")]


# --- the same key again ----------------------------------------------------------------------------------------------
def test_each_post_honours_the_idempotency_key(server: Client) -> None:
    redemption: dict[str, Any] = {}
    for name, body in (("", order(customer_id="c1")), ("confirm", {}), ("refund", {"lines": ["a"]}), ("refund", {})):
        path = f"{REDEMPTIONS}{redemption['id']}/{name}/" if name else REDEMPTIONS
        key = {"Idempotency-Key": f"key-{name}-{len(str(body))}"}

        first, second = (post(server, path, body, **key) for _ in range(2))
        other = post(server, path, {"lines": ["b"]} if name else order(customer_id="c2"), **key)

        assert first.status_code in {200, 201}
        assert (second.status_code, second.content) == (first.status_code, first.content)
        assert "Idempotency-Replayed" not in first.headers
        assert second["Idempotency-Replayed"] == "true"
        assert refused(other) == (422, "idempotency_key_reused")
        redemption = first.json()
    assert Redemption.objects.count() == 1


def test_a_cancellation_honours_the_idempotency_key(shopper: Client) -> None:
    redemption = reserved(shopper)

    first, second = (verb(shopper, redemption, "cancel", **{"Idempotency-Key": "k"}) for _ in range(2))

    assert (second.content, second["Idempotency-Replayed"]) == (first.content, "true")


def test_a_refusal_is_remembered_too_and_a_throttled_one_is_not(shopper: Client) -> None:
    key = {"Idempotency-Key": "k"}
    first = post(shopper, REDEMPTIONS, order(codes=["SOON"]), **key)
    DiscountCodeFactory(text="SOON")

    second = post(shopper, REDEMPTIONS, order(codes=["SOON"]), **key)

    assert refused(first) == refused(second) == (409, "code_not_found")
    assert second["Idempotency-Replayed"] == "true"
    assert not Usage.objects.exists()


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "k\u00e9y"])
def test_a_bad_idempotency_key_is_refused(key: str, shopper: Client) -> None:
    response = post(shopper, REDEMPTIONS, order(), **{"Idempotency-Key": key})

    assert refused(response) == (400, "invalid")
    assert fields(response) == ["Idempotency-Key"]
    assert not Redemption.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_eight_retries_at_one_moment_make_one_redemption(
    server: Client, run_concurrently: Callable[..., list[Any]]
) -> None:
    key = {"Idempotency-Key": "k"}

    responses = run_concurrently(lambda _: post(server, REDEMPTIONS, order(customer_id="c1"), **key), range(8))

    assert {response.status_code for response in responses} <= {201, 409}
    made = [response for response in responses if response.status_code == 201]
    assert len({response.content for response in made}) == 1
    assert {response.json()["code"] for response in responses if response.status_code == 409} <= {
        "idempotency_in_progress"
    }
    assert Redemption.objects.count() == Usage.objects.count() == 1


# --- lists -----------------------------------------------------------------------------------------------------------
def test_redemptions_are_listed_newest_first_in_pages(server: Client, brand_client: ClientOf) -> None:
    reserved(brand_client(BrandFactory()), customer_id="c1", codes=[])
    own = [reserved(server, customer_id="c1", order=str(number), codes=[])["id"] for number in range(5)]

    first = server.get(f"{REDEMPTIONS}?limit=2").json()
    second = server.get(first["next"]).json()
    third = server.get(second["next"]).json()

    assert [row["id"] for page in (first, second, third) for row in page["results"]] == own[::-1]
    assert (first["previous"], third["next"]) == (None, None)
    assert [row["id"] for row in server.get(second["previous"]).json()["results"]] == own[:2:-1]


def test_redemptions_are_found_by_order(server: Client, shopper: Client, user: User) -> None:
    first = reserved(server, customer_id="c1", order="A", codes=[])
    replaced = reserved(server, customer_id="c1", order="A", codes=["TEN"])
    reserved(server, customer_id="c1", order="B", codes=[])

    found = server.get(f"{REDEMPTIONS}?order=A").json()["results"]

    assert [(row["id"], row["status"]) for row in found] == [(replaced["id"], "reserved"), (first["id"], "cancelled")]
    assert server.get(f"{REDEMPTIONS}?order=nosuch").json()["results"] == []
    assert shopper.get(f"{REDEMPTIONS}?order=A").json()["results"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=", "cursor=nonsense", "order=%00"])
def test_a_bad_list_is_refused(query: str, server: Client) -> None:
    assert refused(server.get(f"{REDEMPTIONS}?{query}")) == (400, "invalid")


# --- what it costs ---------------------------------------------------------------------------------------------------
QUERIES = {"shopper": (12, 9), "server": (16, 11)}  # to reserve, to confirm


def test_ten_codes_cost_the_queries_of_one(shopper: Client, server: Client, billo: Brand, user: User) -> None:
    names = [DiscountCodeFactory(brand=billo).code_id for _ in range(22)]
    who = {"customer_id": user.customer.customer_id}
    post(server, QUOTE, cart(**who))  # which notes the key's use

    for client, more, cost in ((shopper, {}, QUERIES["shopper"]), (server, who, QUERIES["server"])):
        for codes in (names[:1], names[1:11]):
            with CaptureQueriesContext(connection) as to_reserve:
                redemption = reserved(client, order=codes[0], codes=codes, **more)
            with CaptureQueriesContext(connection) as to_confirm:
                verb(client, redemption, "confirm")
            assert (len(to_reserve), len(to_confirm)) == cost
        names = names[11:]


def test_ten_redemptions_are_listed_with_the_queries_of_one(server: Client) -> None:
    counts = []
    for number in range(10):
        verb(server, reserved(server, customer_id=f"c{number}", order=str(number)), "confirm")
        if number in (0, 9):
            server.get(REDEMPTIONS)
            with CaptureQueriesContext(connection) as queries:
                assert len(server.get(REDEMPTIONS).json()["results"]) == number + 1
            counts.append(len(queries))
    assert counts[0] == counts[1] <= 5
