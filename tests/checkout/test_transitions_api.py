"""Actions on redemptions over HTTP: confirm, cancel and refund, and who may do so."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand, User
from checkout.models import Redemption, RefundedLine
from checkout.services import release_expired
from discounts.models import Usage, UsageReturn
from redemptions.statuses import RedemptionStatus
from tests.checkout.builders import (
    REDEMPTIONS,
    ClientOf,
    error_fields,
    expire_reservation,
    post_action,
    reserve_order,
    status_and_code,
)
from tests.factories import BrandFactory, DiscountCodeFactory, MembershipFactory, ShopperFactory
from tests.redemptions.events import count_confirmed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ten")]


# --- confirm, cancel, expire -----------------------------------------------------------------------------------------
def test_confirming_is_idempotent_and_notifies_the_brand_once(shopper: Client) -> None:
    redemption = reserve_order(shopper)

    first, second = (post_action(shopper, redemption, "confirm") for _ in range(2))

    assert (first.status_code, first.json()["status"]) == (200, "confirmed")
    assert first.json()["confirmed_at"].endswith("Z")
    assert second.json() == first.json()
    assert Usage.objects.get().reserved_until is None
    assert count_confirmed() == 1


def test_canceling_is_idempotent_and_releases_the_code(shopper: Client) -> None:
    redemption = reserve_order(shopper)

    first, second = (post_action(shopper, redemption, "cancel") for _ in range(2))

    assert (first.status_code, first.json()["status"]) == (200, "released")
    assert second.json() == first.json()
    assert not Usage.objects.exists()
    assert count_confirmed() == 0
    assert reserve_order(shopper)["status"] == "reserved"


def test_an_expired_reservation_can_be_canceled_and_still_be_confirmed(shopper: Client) -> None:
    redemption = reserve_order(shopper)
    expire_reservation(redemption)

    answers = [post_action(shopper, redemption, "cancel") for _ in range(2)]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "expired")] * 2
    assert not Usage.objects.exists()
    assert post_action(shopper, redemption, "confirm").json()["status"] == "confirmed"
    assert Usage.objects.get().reserved_until is None


def test_a_released_reservation_stays_expired(shopper: Client) -> None:
    redemption = reserve_order(shopper)
    expire_reservation(redemption)
    release_expired(at=timezone.now())

    assert shopper.get(f"{REDEMPTIONS}{redemption['id']}/").json()["status"] == "expired"
    assert post_action(shopper, redemption, "cancel").json()["status"] == "expired"
    assert reserve_order(shopper)["id"] != redemption["id"]
    assert status_and_code(post_action(shopper, redemption, "confirm")) == (409, "reservation_expired")


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("reserved", "refund"), ("confirmed", "cancel"), ("released", "confirm"), ("released", "refund"),
        ("returned", "confirm"), ("returned", "cancel"), ("expired", "refund"),
    ],
)  # fmt: skip
def test_an_action_is_rejected_in_the_wrong_status(state: str, name: str, server: Client) -> None:
    redemption = reserve_order(server, customer_id="c1")
    steps = {"confirmed": ["confirm"], "released": ["cancel"], "returned": ["confirm", "refund"]}
    for step in steps.get(state, []):
        assert post_action(server, redemption, step).status_code == 200
    if state == "expired":
        expire_reservation(redemption)
        release_expired(at=timezone.now())
    before = server.get(f"{REDEMPTIONS}{redemption['id']}/").json()

    response = post_action(server, redemption, name)

    assert status_and_code(response) == (409, "invalid_status")
    assert response.json()["current_status"] == before["status"] == state
    assert server.get(f"{REDEMPTIONS}{redemption['id']}/").json() == before


def test_shoppers_and_viewers_may_only_read_what_a_server_reserved(
    server: Client, shopper: Client, shopper_client: ClientOf, user: User, billo: Brand
) -> None:
    redemption = reserve_order(server, customer_id=user.customer.customer_id)
    viewer = shopper_client(MembershipFactory(brand=billo, role=Role.VIEWER).user)

    for client in (shopper, viewer):
        seen = client.get(f"{REDEMPTIONS}{redemption['id']}/").json()
        hidden = ("external_id", "metadata") if client is shopper else ()  # the sender's own data
        assert seen == {name: value for name, value in redemption.items() if name not in hidden}
        for name in ("confirm", "cancel", "refund"):
            assert status_and_code(post_action(client, redemption, name)) == (403, "permission_denied")

    assert Redemption.objects.get().status == RedemptionStatus.RESERVED
    editor = shopper_client(MembershipFactory(brand=billo, role=Role.EDITOR).user)
    assert post_action(editor, redemption, "confirm").json()["status"] == "confirmed"


@pytest.mark.django_db(transaction=True)
def test_a_locked_redemption_is_busy(shopper: Client, run_concurrently: Callable[..., list[Any]]) -> None:
    redemption = reserve_order(shopper)

    def confirm_soon(client: Client) -> Any:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")  # instead of the 20 seconds of tests
            return post_action(client, redemption, "confirm")

    with transaction.atomic():
        Redemption.objects.select_for_update().get(pk=redemption["id"])

        [response] = run_concurrently(confirm_soon, [shopper])

    assert status_and_code(response) == (409, "busy")
    assert int(response["Retry-After"]) > 0
    assert post_action(shopper, redemption, "confirm").status_code == 200


# --- refund ----------------------------------------------------------------------------------------------------------
def test_a_full_refund_returns_the_code_and_lists_the_lines(server: Client) -> None:
    redemption = reserve_order(server, customer_id="c1")
    post_action(server, redemption, "confirm")

    first, second = (post_action(server, redemption, "refund") for _ in range(2))

    assert (first.status_code, first.json()["status"]) == (200, "returned")
    assert first.json()["refunded"] == [
        {"id": "a", "quantity": 1, "amount": "100.00", "discount": "10.00"},
        {"id": "b", "quantity": 2, "amount": "20.00", "discount": "2.00"},
    ]
    assert first.json()["refund"]["lines"] == first.json()["refunded"]
    nothing: dict[str, Any] = {"amount": "0.00", "discount": "0.00", "lines": [], "shipping": None}
    assert second.json() == first.json() | {"refund": nothing}
    assert UsageReturn.objects.count() == 1
    assert not Usage.objects.exists()
    assert reserve_order(server, customer_id="c1")["id"] != redemption["id"]


def test_lines_can_be_refunded_one_after_another(server: Client) -> None:
    redemption = reserve_order(server, customer_id="c1")
    post_action(server, redemption, "confirm")

    part = post_action(server, redemption, "refund", {"lines": ["b", "b"]}).json()
    again = post_action(server, redemption, "refund", {"lines": ["b"]}).json()

    expected = [{"id": "b", "quantity": 2, "amount": "20.00", "discount": "2.00"}]
    assert (part["status"], part["refunded"]) == ("partially_returned", expected)
    assert again["refunded"] == expected
    assert again["refund"]["lines"] == []
    assert Usage.objects.count() == 1
    complete = post_action(server, redemption, "refund", {"lines": ["a", "b"]}).json()
    assert (complete["status"], len(complete["refunded"])) == ("returned", 2)
    assert not Usage.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"lines": []}, "lines"), ({"lines": "a"}, "lines"), ({"lines": [1]}, "lines.0"),
        ({"lines": ["a", "zzz"]}, "lines.1"),
        ({"lines": ["a", None]}, "lines.1"), ({"lines": {}}, "lines"), ({"lines": None}, "lines"), ([], "body"),
        ({"lines": [str(number) for number in range(501)]}, "lines"),
        ({"lines": [{"id": "a", "quantity": 0}]}, "lines.0.quantity"), ({"lines": [{}]}, "lines.0.id"),
        ({"lines": ["a", {"id": "b", "quantity": 3}]}, "lines.1.quantity"),
        ({"lines": [{"id": "b", "quantity": "1"}]}, "lines.0.quantity"), ({"shipping": "yes"}, "shipping"),
        ({"lines": [{"id": "b", "quantity": 1}, {"id": "b", "quantity": 2}]}, "lines.1.quantity"),
        ({"lines": [{"id": "b", "amount": "20.01"}]}, "lines.0.amount"),
        ({"lines": [{"id": "b", "amount": "0.00"}]}, "lines.0.amount"),
        ({"lines": [{"id": "b", "amount": "1.001"}]}, "lines.0.amount"),
        ({"lines": [{"id": "b", "units": 1}]}, "lines.0.units"), ({"quantity": 2}, "quantity"),
    ],
)  # fmt: skip
def test_an_invalid_refund_is_rejected_by_field(body: object, field: str, server: Client) -> None:
    redemption = reserve_order(server, customer_id="c1")
    post_action(server, redemption, "confirm")

    response = post_action(server, redemption, "refund", body)

    assert status_and_code(response) == (400, "invalid")
    assert error_fields(response) == [field]
    assert not RefundedLine.objects.exists()


def test_only_the_brand_of_its_offers_refunds_a_shoppers_order(
    shopper: Client, server: Client, brand_client: ClientOf, shopper_client: ClientOf, billo: Brand
) -> None:
    redemption = reserve_order(shopper)
    post_action(shopper, redemption, "confirm")
    viewer = shopper_client(MembershipFactory(brand=billo, role=Role.VIEWER).user)

    assert status_and_code(post_action(shopper, redemption, "refund")) == (403, "permission_denied")
    assert status_and_code(post_action(viewer, redemption, "refund")) == (403, "permission_denied")
    assert status_and_code(post_action(brand_client(BrandFactory()), redemption, "refund")) == (404, "not_found")
    assert status_and_code(post_action(shopper_client(ShopperFactory()), redemption, "refund")) == (404, "not_found")
    assert Usage.objects.count() == 1

    assert post_action(server, redemption, "refund").json()["status"] == "returned"
    assert reserve_order(shopper, order="2")["status"] == "reserved"


def test_an_order_with_offers_of_two_brands_is_refunded_by_neither(
    shopper: Client, server: Client, brand_client: ClientOf
) -> None:
    cake = BrandFactory()
    DiscountCodeFactory(text="CAKE", brand=cake)
    redemption = reserve_order(shopper, codes=["TEN", "CAKE"])
    post_action(shopper, redemption, "confirm")

    for client in (server, brand_client(cake)):
        assert status_and_code(post_action(client, redemption, "refund")) == (403, "permission_denied")
    assert Usage.objects.count() == 2
