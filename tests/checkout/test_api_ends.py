"""What becomes of a redemption over HTTP: confirmed, cancelled, expired, refunded, by whom."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand, User
from checkout.models import Redemption, RefundedLine, Status
from checkout.services import release_expired
from discounts.models import Usage, UsageNotification, UsageReturn
from tests.checkout.builders import REDEMPTIONS, ClientOf, fields, pass_time, refused, reserved, verb
from tests.factories import BrandFactory, DiscountCodeFactory, MembershipFactory, ShopperFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ten")]


# --- confirm, cancel, expire -----------------------------------------------------------------------------------------
def test_confirming_is_idempotent_and_tells_the_brand_once(shopper: Client) -> None:
    redemption = reserved(shopper)

    first, second = (verb(shopper, redemption, "confirm") for _ in range(2))

    assert (first.status_code, first.json()["status"]) == (200, "confirmed")
    assert first.json()["confirmed_at"].endswith("Z")
    assert second.json() == first.json()
    assert Usage.objects.get().reserved_until is None
    assert UsageNotification.objects.count() == 1


def test_cancelling_is_idempotent_and_gives_the_use_back(shopper: Client) -> None:
    redemption = reserved(shopper)

    first, second = (verb(shopper, redemption, "cancel") for _ in range(2))

    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert second.json() == first.json()
    assert not Usage.objects.exists()
    assert not UsageNotification.objects.exists()
    assert reserved(shopper)["status"] == "reserved"


def test_an_expired_reservation_is_not_confirmed_and_cancelling_it_is_idempotent(shopper: Client) -> None:
    redemption = reserved(shopper)
    pass_time(redemption)

    assert refused(verb(shopper, redemption, "confirm")) == (409, "reservation_expired")
    answers = [verb(shopper, redemption, "cancel") for _ in range(2)]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "expired")] * 2
    assert refused(verb(shopper, redemption, "confirm")) == (409, "reservation_expired")
    assert not Usage.objects.exists()


def test_a_swept_reservation_is_expired_for_good(shopper: Client) -> None:
    redemption = reserved(shopper)
    pass_time(redemption)
    release_expired(at=timezone.now())

    assert shopper.get(f"{REDEMPTIONS}{redemption['id']}/").json()["status"] == "expired"
    assert refused(verb(shopper, redemption, "confirm")) == (409, "reservation_expired")
    assert verb(shopper, redemption, "cancel").json()["status"] == "expired"
    assert reserved(shopper)["id"] != redemption["id"]


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("reserved", "refund"), ("confirmed", "cancel"), ("cancelled", "confirm"), ("cancelled", "refund"),
        ("refunded", "confirm"), ("refunded", "cancel"), ("expired", "refund"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_state_is_refused(state: str, name: str, server: Client) -> None:
    redemption = reserved(server, customer_id="c1")
    ways = {"confirmed": ["confirm"], "cancelled": ["cancel"], "refunded": ["confirm", "refund"]}
    for step in ways.get(state, []):
        assert verb(server, redemption, step).status_code == 200
    if state == "expired":
        pass_time(redemption)
        release_expired(at=timezone.now())
    before = server.get(f"{REDEMPTIONS}{redemption['id']}/").json()

    response = verb(server, redemption, name)

    assert refused(response) == (409, "invalid_status")
    assert response.json()["current_status"] == before["status"] == state
    assert server.get(f"{REDEMPTIONS}{redemption['id']}/").json() == before


def test_what_the_brands_server_made_the_shopper_may_read_and_no_more(
    server: Client, shopper: Client, shopper_client: ClientOf, user: User, billo: Brand
) -> None:
    redemption = reserved(server, customer_id=user.customer.customer_id)
    viewer = shopper_client(MembershipFactory(brand=billo, role=Role.VIEWER).user)

    for client in (shopper, viewer):
        assert client.get(f"{REDEMPTIONS}{redemption['id']}/").json() == redemption
        for name in ("confirm", "cancel", "refund"):
            assert refused(verb(client, redemption, name)) == (403, "permission_denied")

    assert Redemption.objects.get().status == Status.RESERVED
    editor = shopper_client(MembershipFactory(brand=billo, role=Role.EDITOR).user)
    assert verb(editor, redemption, "confirm").json()["status"] == "confirmed"


@pytest.mark.django_db(transaction=True)
def test_a_redemption_that_another_works_on_is_busy(
    shopper: Client, run_concurrently: Callable[..., list[Any]]
) -> None:
    redemption = reserved(shopper)
    with transaction.atomic():
        Redemption.objects.select_for_update().get(pk=redemption["id"])

        [response] = run_concurrently(lambda name: verb(shopper, redemption, name), ["confirm"])

    assert refused(response) == (409, "busy")
    assert int(response["Retry-After"]) > 0
    assert verb(shopper, redemption, "confirm").status_code == 200


# --- refund ----------------------------------------------------------------------------------------------------------
def test_a_full_refund_gives_the_use_back_and_answers_each_lines_share(server: Client) -> None:
    redemption = reserved(server, customer_id="c1")
    verb(server, redemption, "confirm")

    first, second = (verb(server, redemption, "refund") for _ in range(2))

    assert (first.status_code, first.json()["status"]) == (200, "refunded")
    assert first.json()["refunded"] == [{"id": "a", "discount": "10.00"}, {"id": "b", "discount": "2.00"}]
    assert second.json() == first.json()
    assert UsageReturn.objects.count() == 1
    assert not Usage.objects.exists()
    assert reserved(server, customer_id="c1")["id"] != redemption["id"]


def test_lines_are_refunded_one_after_the_other(server: Client) -> None:
    redemption = reserved(server, customer_id="c1")
    verb(server, redemption, "confirm")

    part = verb(server, redemption, "refund", {"lines": ["b", "b"]}).json()
    again = verb(server, redemption, "refund", {"lines": ["b"]}).json()

    assert (part["status"], part["refunded"]) == ("confirmed", [{"id": "b", "discount": "2.00"}])
    assert again == part
    assert Usage.objects.count() == 1
    whole = verb(server, redemption, "refund", {"lines": ["a", "b"]}).json()
    assert (whole["status"], len(whole["refunded"])) == ("refunded", 2)
    assert not Usage.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"lines": []}, "lines"), ({"lines": "a"}, "lines"), ({"lines": ["zzz"]}, "lines"), ({"lines": [1]}, "lines.0"),
        ({"lines": ["a", None]}, "lines.1"), ({"lines": {}}, "lines"), ({"lines": None}, "lines"), ([], "body"),
        ({"lines": [str(number) for number in range(501)]}, "lines"),
    ],
)  # fmt: skip
def test_a_bad_refund_is_refused_by_field(body: object, field: str, server: Client) -> None:
    redemption = reserved(server, customer_id="c1")
    verb(server, redemption, "confirm")

    response = verb(server, redemption, "refund", body)

    assert refused(response) == (400, "invalid")
    assert fields(response) == [field]
    assert not RefundedLine.objects.exists()


def test_a_shoppers_order_is_refunded_by_the_brand_whose_offers_it_took_never_by_the_shopper(
    shopper: Client, server: Client, brand_client: ClientOf, shopper_client: ClientOf, billo: Brand
) -> None:
    redemption = reserved(shopper)
    verb(shopper, redemption, "confirm")
    viewer = shopper_client(MembershipFactory(brand=billo, role=Role.VIEWER).user)

    assert refused(verb(shopper, redemption, "refund")) == (403, "permission_denied")
    assert refused(verb(viewer, redemption, "refund")) == (403, "permission_denied")
    assert refused(verb(brand_client(BrandFactory()), redemption, "refund")) == (404, "not_found")
    assert refused(verb(shopper_client(ShopperFactory()), redemption, "refund")) == (404, "not_found")
    assert Usage.objects.count() == 1

    assert verb(server, redemption, "refund").json()["status"] == "refunded"
    assert reserved(shopper, order="2")["status"] == "reserved"


def test_an_order_with_offers_of_two_brands_is_refunded_by_neither_alone(
    shopper: Client, server: Client, brand_client: ClientOf
) -> None:
    cake = BrandFactory()
    DiscountCodeFactory(text="CAKE", brand=cake)
    redemption = reserved(shopper, codes=["TEN", "CAKE"])
    verb(shopper, redemption, "confirm")

    for client in (server, brand_client(cake)):
        assert refused(verb(client, redemption, "refund")) == (403, "permission_denied")
    assert Usage.objects.count() == 2
