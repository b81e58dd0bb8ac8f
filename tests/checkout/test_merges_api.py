"""Merges of customers over HTTP: a server names a guest and the customer that the guest becomes."""

import pytest
from django.test import Client

from accounts.models import Brand, Customer, CustomerMerge, User
from tests.checkout.builders import (
    REDEMPTIONS,
    cart,
    error_fields,
    order,
    post,
    post_action,
    reserve_order,
    status_and_code,
)
from tests.factories import PromotionFactory
from tests.redemptions.events import wait_for_horizon

pytestmark = pytest.mark.django_db
MERGE = "/api/v1/customers/merge/"


def test_a_server_merges_a_guest_and_gets_the_account_from_then_on(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, trigger="code", text="TEN", limit_per_user=1)
    reserved = reserve_order(server, customer_id="guest-7", order="o1")

    answer = post(server, MERGE, {"from": " Guest-7", "into": "account-1"})

    assert (answer.status_code, answer.json()["from"], answer.json()["into"]) == (200, "guest-7", "account-1")
    assert post(server, MERGE, {"from": "guest-7", "into": "account-1"}).json() == answer.json()
    for customer in ("account-1", "guest-7"):
        refused = post(server, REDEMPTIONS, order(customer_id=customer, order="o2"))
        assert status_and_code(refused) == (409, "usage_limit_per_customer")
    post_action(server, reserved, "confirm")
    for customer in ("account-1", "guest-7"):
        assert post_action(server, reserved, "amend", cart(customer_id=customer, codes=["TEN"])).status_code == 200
    assert post_action(server, reserved, "amend", cart(customer_id="guest-8")).status_code == 400
    listed = server.get(REDEMPTIONS, {"customer_id": "account-1"}).json()["results"]
    assert [(one["order"], one["customer_id"]) for one in listed] == [("o1", "account-1")]


def test_merges_that_make_no_sense_are_refused(server: Client, shopper: Client, user: User) -> None:
    customer_id = user.customer.customer_id
    post(server, MERGE, {"from": "guest-7", "into": customer_id})

    same = post(server, MERGE, {"from": "guest-8", "into": "GUEST-8"})
    assert (same.status_code, error_fields(same)) == (400, ["into"])
    empty = post(server, MERGE, {"from": "", "into": "\t"})
    assert (empty.status_code, sorted(error_fields(empty))) == (400, ["from", "into"])
    assert status_and_code(post(server, MERGE, {"from": customer_id, "into": "guest-8"})) == (
        409,
        "customer_has_account",
    )
    assert status_and_code(post(server, MERGE, {"from": "guest-7", "into": "guest-8"})) == (409, "customer_merged")
    assert status_and_code(post(shopper, MERGE, {"from": "guest-8", "into": "guest-9"})) == (403, "permission_denied")
    assert CustomerMerge.objects.count() == 1
    assert not Customer.objects.filter(customer_id__in=["guest-8", "guest-9"]).exists()


@pytest.mark.django_db(transaction=True)  # readers see events once they are committed
def test_servers_read_the_event_of_a_merge(server: Client, billo: Brand) -> None:
    post(server, MERGE, {"from": "guest-7", "into": "account-1"})

    wait_for_horizon()
    (event,) = server.get("/api/v1/events/", {"type": "customer.*"}).json()["results"]

    assert (event["type"], event["customer_id"], event["brand"]) == ("customer.merged", "account-1", "billo")
    assert event["data"] == {"from": "guest-7"}
