"""Nobody reaches what is another's: every endpoint of the API against every sort of stranger."""

from typing import Any

import pytest

from accounts.models import Membership
from checkout.models import Redemption
from discounts.models import DiscountCode
from tests.factories import DiscountCodeFactory, DiscountRuleFactory
from tests.isolation.conftest import World
from tests.isolation.endpoints import OPEN, Row, resolved, rows

pytestmark = pytest.mark.django_db
ROWS = rows()
ORDER = next(row for row in ROWS if row.method == "POST" and row.route == "api/v1/checkout/redemptions/")
STRANGERS = ["other owner", "other server", "other shopper"]
NOBODIES = {"anonymous": "not_authenticated", "revoked key": "token_invalid", "expired token": "token_expired"}


def name_of(row: Row) -> str:
    return f"{row.method} {row.route}"


def every(*wanted: str) -> Any:
    return pytest.mark.parametrize("row", [row for row in ROWS if row.strangers in wanted], ids=name_of)


def test_the_matrix_holds_every_endpoint() -> None:
    assert {(row.route, row.method) for row in ROWS} | set(OPEN) == resolved()


@every("refused", "own", "read", "facts")
def test_whose_it_is_gets_an_answer(row: Row, world: World) -> None:
    response = world.call(row.by, row.method, world.path(row.route, row.ids), row.body)

    assert response.status_code in {200, 201, 202, 204}, response.content


@every("refused", "own", "read", "facts")
def test_nobody_gets_in(row: Row, world: World) -> None:
    path, absent = (world.path(row.route, row.ids, absent=absent) for absent in (False, True))

    for who, code in NOBODIES.items():
        response, other = (world.call(who, row.method, where, row.body) for where in (path, absent))
        assert (response.status_code, response.json()["code"]) == (401, code), who
        assert response.content == other.content, who
        assert not world.leaks(response), who


@every("refused")
def test_a_stranger_is_refused_as_where_nothing_is(row: Row, world: World) -> None:
    path, absent = (world.path(row.route, row.ids, absent=absent) for absent in (False, True))

    for who in STRANGERS:
        response, other = (world.call(who, row.method, where, row.body) for where in (path, absent))
        assert response.status_code in {403, 404}, who
        assert (response.status_code, response.content) == (other.status_code, other.content), who
        assert not world.leaks(response), who


@pytest.mark.parametrize("who", STRANGERS)
@every("own")
def test_a_stranger_gets_their_own_and_nothing_of_others(row: Row, who: str, world: World) -> None:
    response = world.call(who, row.method, world.path(row.route, row.ids), row.body)

    assert response.status_code in {200, 201, 400, 403}, response.content
    named = [world.things["customer"]] if who == "other server" else []  # which it sent itself
    assert set(world.leaks(response)) <= set(named)


@pytest.mark.parametrize("who", STRANGERS)
@every("read")
def test_what_anyone_may_read_tells_nothing_else(row: Row, who: str, world: World) -> None:
    response = world.call(who, row.method, world.path(row.route, row.ids), row.body)

    assert response.status_code == 200
    assert set(world.leaks(response)) <= {world.fill(thing) for thing in row.ids.values()}
    assert not {"notified", "codes"} & set(response.json())


@every("facts")
def test_a_shopper_reads_what_is_public_and_a_strangers_staff_not_even_that(row: Row, world: World) -> None:
    path, absent = (world.path(row.route, row.ids, absent=absent) for absent in (False, True))

    for who in ("other owner", "other server"):
        response, other = (world.call(who, row.method, where, row.body) for where in (path, absent))
        assert (response.status_code, response.content) == (404, other.content), who
    response = world.call("other shopper", row.method, path, row.body)
    assert response.status_code == 200
    assert not world.leaks(response)
    assert "logins" not in response.json()


@pytest.mark.parametrize("row", [row for row in ROWS if row.writes or row.staff], ids=name_of)
def test_a_viewer_writes_nothing(row: Row, world: World) -> None:
    response = world.call("viewer", row.method, world.path(row.route, row.ids), row.body)

    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert not world.leaks(response)


@pytest.mark.parametrize("row", [row for row in ROWS if row.method == "POST"], ids=name_of)
def test_an_idempotency_key_is_the_callers_own(row: Row, world: World) -> None:
    path, key = world.path(row.route, row.ids), {"Idempotency-Key": "the same"}
    assert world.call(row.by, row.method, path, row.body, **key).status_code in {200, 201, 202}

    for who in (*STRANGERS, *NOBODIES, "viewer"):
        response = world.call(who, row.method, path, row.body, **key)
        assert "Idempotency-Replayed" not in response.headers
        named = {world.things["customer"]} if who == "other server" else set()
        assert set(world.leaks(response)) <= named


# --- ids swapped -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "members/<viewer>/", {"role": "owner"}), ("DELETE", "members/<viewer>/", None),
        ("DELETE", "invitations/<invitation>/", None), ("DELETE", "api-keys/<spare key>/", None),
    ],
)  # fmt: skip
def test_anothers_id_below_ones_own_brand_is_not_there(method: str, path: str, body: Any, world: World) -> None:
    head, _, rest = path.partition("<")
    theirs = f"/api/v1/brands/cake/{head}{world.things[rest[:-2]]}/"
    nowhere = f"/api/v1/brands/cake/{head}00000000-0000-7000-8000-000000000000/"

    response, other = (world.call("other owner", method, where, body) for where in (theirs, nowhere))

    assert (response.status_code, response.content) == (404, other.content)
    assert not world.leaks(response)
    assert Membership.objects.filter(brand__slug="billo").count() == 3


def test_anothers_brand_rule_or_customer_in_the_body_gives_nothing(world: World) -> None:
    code = {"id": "FRESH", "validity": "2099-01-01T00:00:00Z"}
    rule = str(DiscountRuleFactory(brand=DiscountCode.objects.get(code="SECRET").brand).pk)
    for who in ("other owner", "other server"):
        refused, unknown = (
            world.call(who, "POST", "/api/v1/discountcode/", code | {"rule": {"discount": 10}, "brand": slug})
            for slug in ("billo", "nosuch")
        )
        assert (refused.status_code, refused.content) == (403, unknown.content)
        refused, unknown = (
            world.call(who, "POST", "/api/v1/discountcode/", code | {"rule": some})
            for some in (rule, "00000000-0000-7000-8000-000000000000")
        )
        assert (refused.status_code, refused.content) == (400, unknown.content)
    cart: dict[str, Any] = {"currency": "EUR", "lines": [], "shipping": "1.00", "order": "ORDER-OF-BILLO"}
    for path in ("/api/v1/checkout/quote/", "/api/v1/checkout/redemptions/"):
        refused, unknown = (
            world.call("other shopper", "POST", path, cart | {"customer_id": some})
            for some in (world.things["customer"], "nosuch")
        )
        assert (refused.status_code, refused.content) == (403, unknown.content)

    assert not DiscountCode.objects.filter(code="FRESH").exists()
    assert Redemption.objects.count() == 2


@pytest.mark.parametrize("who", STRANGERS)
def test_anothers_brand_order_or_cursor_in_the_query_gives_nothing(who: str, world: World) -> None:
    world.call("server", "POST", "/api/v1/checkout/redemptions/", ORDER.body)
    pages = {
        path: world.call(by, "GET", f"{path}?limit=1").json()["next"].partition("?")[2]
        for by, path in (("server", "/api/v1/checkout/redemptions/"), ("owner", "/api/v1/discountcode/"))
    }
    queries = [*(f"{path}?{query}" for path, query in pages.items())]
    queries += ["/api/v1/checkout/redemptions/?order=ORDER-OF-BILLO", "/api/v1/discountcode/?brand=billo"]

    for path in queries:
        response = world.call(who, "GET", path)
        assert response.status_code in {200, 403}
        assert not world.leaks(response)


def test_anothers_offers_are_not_had_by_naming_its_brand_or_customer(world: World) -> None:
    own = {offer["code"] for offer in world.call("shopper", "GET", "/api/v1/checkout/offers/").json()["results"]}
    customer = world.things["customer"]

    theirs = world.call("other server", "GET", f"/api/v1/checkout/offers/?brand=billo&customer_id={customer}")

    assert own == {"OPEN", world.things["voucher"]}
    assert theirs.json()["results"] == []
    assert world.call("other shopper", "GET", f"/api/v1/checkout/offers/?customer_id={customer}").status_code == 403


def test_the_same_order_of_two_brands_is_two_orders(world: World) -> None:
    cart = {"currency": "EUR", "lines": [], "shipping": "1.00", "customer_id": "<customer>"}

    response = world.call("other server", "POST", "/api/v1/checkout/redemptions/", cart | {"order": "ORDER-OF-BILLO"})

    assert response.status_code == 201
    assert response.json()["id"] != world.things["redemption"]
    assert Redemption.objects.get(pk=world.things["redemption"]).status == "reserved"


def test_a_key_of_the_internal_api_opens_no_brand(world: World) -> None:
    DiscountCodeFactory(text="ANOTHER")

    for row in (row for row in ROWS if row.by != "internal"):
        response = world.call("internal", row.method, world.path(row.route, row.ids), row.body)
        assert response.status_code in ({200} if row.strangers == "read" else {200, 403, 404}), name_of(row)
        assert set(world.leaks(response)) <= ({"SECRET"} if row.strangers == "read" else set()), name_of(row)
    assert Redemption.objects.count() == 2
