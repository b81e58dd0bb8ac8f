"""Isolation of brands and shoppers: every endpoint of the API with every kind of other caller."""

from typing import Any

import pytest
from django.db import transaction

from accounts.models import Membership
from checkout.models import Redemption
from discounts.models import DiscountCode
from tests.factories import DiscountCodeFactory, DiscountRuleFactory
from tests.isolation.conftest import World
from tests.isolation.endpoints import CHECKOUT, INTERNAL, OPEN, Row, resolved, rows

pytestmark = pytest.mark.django_db
ROWS = rows()
ORDER = next(row for row in ROWS if row.method == "POST" and row.route == "api/v1/checkout/redemptions/")
STRANGERS = ["other owner", "other server", "other shopper"]
INVALID_CALLERS = {"anonymous": "not_authenticated", "revoked key": "token_invalid", "expired token": "token_expired"}


@pytest.fixture
def world(shared_world: World) -> World:
    return shared_world


def row_id(row: Row) -> str:
    return f"{row.method} {row.route}"


def every_row(*strangers: str) -> Any:
    return pytest.mark.parametrize("row", [row for row in ROWS if row.strangers in strangers], ids=row_id)


def test_the_matrix_covers_every_endpoint() -> None:
    assert {(row.route, row.method) for row in ROWS} | set(OPEN) == resolved()


@every_row("refused", "own", "read", "facts")
def test_the_owner_gets_an_answer(row: Row, world: World) -> None:
    response = world.call(row.by, row.method, world.path(row.route, row.ids), row.body)

    assert response.status_code in {200, 201, 202, 204}, response.content


@every_row("refused", "own", "read", "facts")
def test_callers_without_valid_credentials_are_rejected(row: Row, world: World) -> None:
    path, missing = (world.path(row.route, row.ids, missing=missing) for missing in (False, True))

    for caller, code in INVALID_CALLERS.items():
        response, other = (world.call(caller, row.method, url, row.body) for url in (path, missing))
        assert (response.status_code, response.json()["code"]) == (401, code), caller
        assert response.content == other.content, caller
        assert not world.leaks(response), caller


@every_row("refused")
def test_a_stranger_gets_the_same_error_as_for_a_missing_object(row: Row, world: World) -> None:
    path, missing = (world.path(row.route, row.ids, missing=missing) for missing in (False, True))

    for caller in STRANGERS:
        response, other = (world.call(caller, row.method, url, row.body) for url in (path, missing))
        assert response.status_code in {403, 404}, caller
        assert (response.status_code, response.content) == (other.status_code, other.content), caller
        assert not world.leaks(response), caller


@pytest.mark.parametrize("caller", STRANGERS)
@every_row("own")
def test_a_stranger_gets_only_their_own_objects(row: Row, caller: str, world: World) -> None:
    response = world.call(caller, row.method, world.path(row.route, row.ids), row.body)

    assert response.status_code in {200, 201, 202, 400, 403, 409}, response.content
    named = [world.ids["customer"]] if caller == "other server" else []  # which it sent itself
    assert set(world.leaks(response)) <= set(named)


@pytest.mark.parametrize("caller", STRANGERS)
@every_row("read")
def test_public_objects_reveal_nothing_else(row: Row, caller: str, world: World) -> None:
    response = world.call(caller, row.method, world.path(row.route, row.ids), row.body)

    assert response.status_code == 200
    assert set(world.leaks(response)) <= {world.fill(value) for value in row.ids.values()}
    assert not {"notified", "codes"} & set(response.json())


@every_row("facts")
def test_other_shoppers_read_public_data_and_other_staff_nothing(row: Row, world: World) -> None:
    path, missing = (world.path(row.route, row.ids, missing=missing) for missing in (False, True))

    for caller in ("other owner", "other server"):
        response, other = (world.call(caller, row.method, url, row.body) for url in (path, missing))
        assert (response.status_code, response.content) == (404, other.content), caller
    response = world.call("other shopper", row.method, path, row.body)
    assert response.status_code == 200
    assert not world.leaks(response)
    assert "logins" not in response.json()


@pytest.mark.parametrize("row", [row for row in ROWS if row.writes or row.staff], ids=row_id)
def test_a_viewer_can_write_nothing(row: Row, world: World) -> None:
    response = world.call("viewer", row.method, world.path(row.route, row.ids), row.body)

    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert not world.leaks(response)


@pytest.mark.parametrize("row", [row for row in ROWS if row.method == "POST"], ids=row_id)
def test_an_idempotency_key_belongs_to_its_caller(row: Row, world: World) -> None:
    path, key = world.path(row.route, row.ids), {"Idempotency-Key": "the same"}
    assert world.call(row.by, row.method, path, row.body, **key).status_code in {200, 201, 202}

    for caller in (*STRANGERS, *INVALID_CALLERS, "viewer"):
        response = world.call(caller, row.method, path, row.body, **key)
        assert "Idempotency-Replayed" not in response.headers
        named = {world.ids["customer"]} if caller == "other server" else set()
        assert set(world.leaks(response)) <= named


# --- foreign IDs -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "members/<viewer>/", {"role": "owner"}), ("DELETE", "members/<viewer>/", None),
        ("DELETE", "invitations/<invitation>/", None), ("DELETE", "api-keys/<spare key>/", None),
    ],
)  # fmt: skip
def test_ids_of_another_brand_are_not_found_below_ones_own_brand(
    method: str, path: str, body: Any, world: World
) -> None:
    head, _separator, rest = path.partition("<")
    foreign = f"/api/v1/brands/cake/{head}{world.ids[rest[:-2]]}/"
    missing = f"/api/v1/brands/cake/{head}00000000-0000-7000-8000-000000000000/"

    response, other = (world.call("other owner", method, url, body) for url in (foreign, missing))

    assert (response.status_code, response.content) == (404, other.content)
    assert not world.leaks(response)
    assert Membership.objects.filter(brand__slug="billo").count() == 3


def test_foreign_brands_rules_and_customers_in_a_body_are_rejected(world: World) -> None:
    code = {"id": "FRESH", "validity": "2099-01-01T00:00:00Z"}
    rule = str(DiscountRuleFactory(brand=DiscountCode.objects.get(code="SECRET").brand).pk)
    for caller in ("other owner", "other server"):
        rejected, unknown = (
            world.call(caller, "POST", "/api/v1/discountcode/", code | {"rule": {"discount": 10}, "brand": slug})
            for slug in ("billo", "nosuch")
        )
        assert (rejected.status_code, rejected.content) == (403, unknown.content)
        rejected, unknown = (
            world.call(caller, "POST", "/api/v1/discountcode/", code | {"rule": rule_id})
            for rule_id in (rule, "00000000-0000-7000-8000-000000000000")
        )
        assert (rejected.status_code, rejected.content) == (400, unknown.content)
    cart: dict[str, Any] = {"currency": "EUR", "lines": [], "shipping": "1.00", "order": "ORDER-OF-BILLO"}
    for path in ("/api/v1/checkout/quote/", "/api/v1/checkout/redemptions/"):
        rejected, unknown = (
            world.call("other shopper", "POST", path, cart | {"customer_id": customer_id})
            for customer_id in (world.ids["customer"], "nosuch")
        )
        assert (rejected.status_code, rejected.content) == (403, unknown.content)

    assert not DiscountCode.objects.filter(code="FRESH").exists()
    assert Redemption.objects.count() == 2


@pytest.mark.parametrize("caller", STRANGERS)
def test_foreign_brands_orders_and_cursors_in_a_query_reveal_nothing(caller: str, world: World) -> None:
    world.call("server", "POST", "/api/v1/checkout/redemptions/", ORDER.body)
    pages = {
        path: world.call(by, "GET", f"{path}?limit=1").json()["next"].partition("?")[2]
        for by, path in (("server", "/api/v1/checkout/redemptions/"), ("owner", "/api/v1/discountcode/"))
    }
    queries = [*(f"{path}?{query}" for path, query in pages.items())]
    queries += ["/api/v1/checkout/redemptions/?order=ORDER-OF-BILLO", "/api/v1/discountcode/?brand=billo"]

    for path in queries:
        response = world.call(caller, "GET", path)
        assert response.status_code in {200, 403}
        assert not world.leaks(response)


def test_offers_of_another_brand_cannot_be_listed(world: World) -> None:
    own = {offer["code"] for offer in world.call("shopper", "GET", "/api/v1/checkout/offers/").json()["results"]}
    customer = world.ids["customer"]

    foreign = world.call("other server", "GET", f"/api/v1/checkout/offers/?brand=billo&customer_id={customer}")

    assert own == {"OPEN", world.ids["voucher"]}
    assert foreign.json()["results"] == []
    assert world.call("other shopper", "GET", f"/api/v1/checkout/offers/?customer_id={customer}").status_code == 403


def test_two_brands_may_use_the_same_order_reference(world: World) -> None:
    cart = {"currency": "EUR", "lines": [], "shipping": "1.00", "customer_id": "<customer>"}

    response = world.call("other server", "POST", "/api/v1/checkout/redemptions/", cart | {"order": "ORDER-OF-BILLO"})

    assert response.status_code == 201
    assert response.json()["id"] != world.ids["redemption"]
    assert Redemption.objects.get(pk=world.ids["redemption"]).status == "reserved"


def test_an_internal_api_key_gives_no_access_to_brands(world: World) -> None:
    DiscountCodeFactory(text="ANOTHER")

    for row in (row for row in ROWS if row.by != "internal" and not row.scopes & INTERNAL):
        response = world.call("internal", row.method, world.path(row.route, row.ids), row.body)
        assert response.status_code == 403, row_id(row)
        assert not world.leaks(response), row_id(row)
    assert Redemption.objects.count() == 2


def test_a_platform_admin_may_do_what_owners_and_platform_services_may(world: World) -> None:
    for row in (row for row in ROWS if row.by in {"owner", "internal"}):
        with transaction.atomic():  # what one endpoint changes, the next doesn't find
            response = world.call("platform admin", row.method, world.path(row.route, row.ids), row.body)
            transaction.set_rollback(True)
        if response.status_code == 400:  # an admin is of no brand
            assert response.json()["errors"][0]["field"] == "brand", row_id(row)
        else:
            assert response.status_code in {200, 201, 202, 204}, (row_id(row), response.content)


def test_a_key_of_the_platforms_checkout_gives_access_to_nothing_else(world: World) -> None:
    for row in (row for row in ROWS if not row.scopes & CHECKOUT):
        response = world.call("marketplace", row.method, world.path(row.route, row.ids), row.body)
        assert response.status_code == 403, row_id(row)
        assert not world.leaks(response), row_id(row)
