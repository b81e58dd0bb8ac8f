"""Redemptions over HTTP: idempotency keys, lists, and numbers of queries."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Brand, User
from checkout.models import Redemption
from discounts.models import Usage
from tests.checkout.builders import (
    QUOTE,
    REDEMPTIONS,
    ClientOf,
    cart,
    error_fields,
    order,
    post,
    post_action,
    reserve_order,
    status_and_code,
)
from tests.factories import BrandFactory, DiscountCodeFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ten")]


# --- idempotency keys ------------------------------------------------------------------------------------------------
def test_every_post_supports_the_idempotency_key(server: Client) -> None:
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
        expected = (400, "invalid") if name == "confirm" else (422, "idempotency_key_reused")  # it takes no body
        assert status_and_code(other) == expected
        redemption = first.json()
    assert Redemption.objects.count() == 1


def test_a_cancellation_supports_the_idempotency_key(shopper: Client) -> None:
    redemption = reserve_order(shopper)

    first, second = (post_action(shopper, redemption, "cancel", **{"Idempotency-Key": "k"}) for _ in range(2))

    assert (second.content, second["Idempotency-Replayed"]) == (first.content, "true")


def test_a_rejection_is_replayed_too(shopper: Client) -> None:
    key = {"Idempotency-Key": "k"}
    first = post(shopper, REDEMPTIONS, order(codes=["SOON"]), **key)
    DiscountCodeFactory(text="SOON")

    second = post(shopper, REDEMPTIONS, order(codes=["SOON"]), **key)

    assert status_and_code(first) == status_and_code(second) == (409, "code_not_found")
    assert second["Idempotency-Replayed"] == "true"
    assert not Usage.objects.exists()


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "k\u00e9y"])
def test_an_invalid_idempotency_key_is_rejected(key: str, shopper: Client) -> None:
    response = post(shopper, REDEMPTIONS, order(), **{"Idempotency-Key": key})

    assert status_and_code(response) == (400, "invalid")
    assert error_fields(response) == ["Idempotency-Key"]
    assert not Redemption.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_eight_concurrent_retries_create_one_redemption(
    server: Client, run_concurrently: Callable[..., list[Any]]
) -> None:
    key = {"Idempotency-Key": "k"}

    responses = run_concurrently(lambda _: post(server, REDEMPTIONS, order(customer_id="c1"), **key), range(8))

    assert {response.status_code for response in responses} <= {201, 409}
    created = [response for response in responses if response.status_code == 201]
    assert len({response.content for response in created}) == 1
    assert {response.json()["code"] for response in responses if response.status_code == 409} <= {
        "idempotency_in_progress"
    }
    assert Redemption.objects.count() == Usage.objects.count() == 1


# --- lists -----------------------------------------------------------------------------------------------------------
def test_redemptions_are_listed_newest_first_in_pages(server: Client, brand_client: ClientOf) -> None:
    reserve_order(brand_client(BrandFactory()), customer_id="c1", codes=[])
    own = [reserve_order(server, customer_id="c1", order=str(number), codes=[])["id"] for number in range(5)]

    first = server.get(f"{REDEMPTIONS}?limit=2").json()
    second = server.get(first["next"]).json()
    third = server.get(second["next"]).json()

    assert [row["id"] for page in (first, second, third) for row in page["results"]] == own[::-1]
    assert (first["previous"], third["next"]) == (None, None)
    assert [row["id"] for row in server.get(second["previous"]).json()["results"]] == own[:2:-1]


def test_redemptions_can_be_filtered_by_order(server: Client, shopper: Client, user: User) -> None:
    first = reserve_order(server, customer_id="c1", order="A", codes=[])
    replaced = reserve_order(server, customer_id="c1", order="A", codes=["TEN"])
    reserve_order(server, customer_id="c1", order="B", codes=[])

    redemptions = server.get(f"{REDEMPTIONS}?order=A").json()["results"]

    assert [(row["id"], row["status"]) for row in redemptions] == [
        (replaced["id"], "reserved"),
        (first["id"], "released"),
    ]
    assert server.get(f"{REDEMPTIONS}?order=nosuch").json()["results"] == []
    assert shopper.get(f"{REDEMPTIONS}?order=A").json()["results"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=", "cursor=nonsense", "order=%00"])
def test_an_invalid_query_is_rejected(query: str, server: Client) -> None:
    assert status_and_code(server.get(f"{REDEMPTIONS}?{query}")) == (400, "invalid")


# --- numbers of queries ----------------------------------------------------------------------------------------------
QUERIES = {"shopper": (16, 11), "server": (16, 12)}  # to reserve, to confirm


def test_redemptions_can_be_filtered_by_status_customer_code_brand_and_time(server: Client, billo: Brand) -> None:
    DiscountCodeFactory(text="SUM-MER", brand=billo)
    reserved = reserve_order(server, customer_id="c1", order="1", codes=["summer"])
    paid = reserve_order(server, customer_id="c2", order="2")
    post_action(server, paid, "confirm")
    today = timezone.now().date()

    def listed(**query: str) -> set[str]:
        response = server.get(REDEMPTIONS, query)
        assert response.status_code == 200, response.content
        return {row["id"] for row in response.json()["results"]}

    assert listed(status="reserved") == listed(customer_id="c1") == listed(code="SUMMER") == {reserved["id"]}
    assert listed(code="ten", brand="billo") == {paid["id"]}
    assert listed(code="NONE") == listed(brand="cake") == listed(status="confirmed", order="1") == set()
    assert listed(created_after=str(today), created_before=str(today)) == {reserved["id"], paid["id"]}
    assert listed(created_before=str(today - timedelta(days=1))) == set()
    assert listed(created_after=(timezone.now() + timedelta(hours=1)).isoformat()) == set()


@pytest.mark.parametrize("path", [REDEMPTIONS, f"{REDEMPTIONS}00000000-0000-7000-8000-000000000000/"])
def test_a_format_is_a_parameter_like_any_other(server: Client, path: str) -> None:
    refused = server.get(path, {"format": "xyz"})

    assert (status_and_code(refused), error_fields(refused)) == ((400, "invalid"), ["format"])


def test_ten_codes_need_the_queries_of_one(shopper: Client, server: Client, billo: Brand, user: User) -> None:
    names = [DiscountCodeFactory(brand=billo).code for _ in range(22)]
    who = {"customer_id": user.customer.customer_id}
    post(server, QUOTE, cart(**who))  # stores that the API key was used

    for client, more, cost in ((shopper, {}, QUERIES["shopper"]), (server, who, QUERIES["server"])):
        for codes in (names[:1], names[1:11]):
            with CaptureQueriesContext(connection) as to_reserve:
                redemption = reserve_order(client, order=codes[0], codes=codes, **more)
            with CaptureQueriesContext(connection) as to_confirm:
                post_action(client, redemption, "confirm")
            assert (len(to_reserve), len(to_confirm)) == cost
        names = names[11:]


def test_listing_ten_redemptions_needs_the_queries_of_one(server: Client) -> None:
    counts = []
    for number in range(10):
        post_action(server, reserve_order(server, customer_id=f"c{number}", order=str(number)), "confirm")
        if number in (0, 9):
            server.get(REDEMPTIONS)
            with CaptureQueriesContext(connection) as queries:
                assert len(server.get(REDEMPTIONS).json()["results"]) == number + 1
            counts.append(len(queries))
    assert counts[0] == counts[1] <= 5
