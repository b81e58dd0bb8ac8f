"""A brand that requires the second factor has no endpoint and no page without it."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.contracts import Method
from accounts.models import Brand, User
from accounts.services import tokens_for
from tests.factories import PASSWORD, BrandFactory, MembershipFactory, UserFactory
from tests.isolation.conftest import World
from tests.isolation.endpoints import Row, list_admin_routes, rows
from tests.second_factors import add_app

pytestmark = pytest.mark.django_db
OWN_ACCOUNT = "api/v1/me/"
STAFF_ROWS = [row for row in rows() if row.by == "owner" and not row.route.startswith(OWN_ACCOUNT)]
OTHER_ROWS = [row for row in rows() if row.by in {"server", "shopper"}]
OPEN_PAGES = {
    "admin/login/": "asks for the password, and leads to the second factor",
    "admin/password-reset/": "sends an email to anyone with an account",
    r"admin/(?P<url>.*)$": "answers that there is no such page",
}
ROUTES = [route for route in list_admin_routes() if route not in OPEN_PAGES]


@pytest.fixture
def world(shared_world: World) -> World:
    return shared_world


def row_id(row: Row) -> str:
    return f"{row.method} {row.route}"


def sign_in_again(world: World, *methods: Method) -> World:
    """Let Billo require the second factor, and its owner sign in by these methods."""
    Brand.objects.filter(slug="billo").update(require_second_factor=True)
    owner = User.objects.get(memberships__brand__slug="billo", memberships__role="owner")
    token = tokens_for(user=owner, at=timezone.now(), methods=methods).access
    world.clients["owner"] = Client(headers={"Authorization": f"Bearer {token}"})
    return world


@pytest.mark.parametrize("row", STAFF_ROWS, ids=row_id)
def test_an_endpoint_of_staff_needs_the_second_factor(row: Row, world: World) -> None:
    path = world.path(row.route, row.ids)

    refused = sign_in_again(world, Method.PASSWORD).call("owner", row.method, path, row.body)
    allowed = sign_in_again(world, Method.PASSWORD, Method.CODE).call("owner", row.method, path, row.body)

    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_missing")
    assert not world.leaks(refused)
    assert allowed.status_code in {200, 201, 202, 204}, allowed.content


@pytest.mark.parametrize("row", OTHER_ROWS, ids=row_id)
def test_other_endpoints_treat_staff_without_it_as_anybody(row: Row, world: World) -> None:
    sign_in_again(world, Method.PASSWORD)

    response = world.call("owner", row.method, world.path(row.route, row.ids), row.body)

    assert set(world.leaks(response)) <= {value for value in row.ids.values() if not value.startswith("<")}, response


def test_answers_that_were_given_with_the_second_factor_are_not_repeated_without_it(world: World) -> None:
    path, body, key = "/api/v1/brands/billo/api-keys/", {"name": "new"}, {"Idempotency-Key": "the same"}
    created = sign_in_again(world, Method.PASSWORD, Method.CODE).call("owner", "POST", path, body, **key)

    repeated = sign_in_again(world, Method.PASSWORD).call("owner", "POST", path, body, **key)

    assert created.status_code == 201
    assert repeated.status_code == 403
    assert created.json()["key"] not in repeated.content.decode()


# --- pages ------------------------------------------------------------------------------------------------------------
def fill(route: str) -> str:
    """Return the path of a route, with values of the right form for its parameters."""
    values = {"uuid": str(uuid.UUID(int=1)), "int": "1", "path": "1", "str": "one", "slug": "one"}
    path = re.sub(r"\^?\(\?P<\w+>([a-z|_]+)\)", lambda match: match[1].partition("|")[0], route)
    path = re.sub(r"<(?:(\w+):)?\w+>", lambda match: values[match[1] or "str"], path)
    assert not re.search(r"[<>^$()?]", path.rstrip("$")), f"{route}: {path}"
    return "/" + path.rstrip("$")


@pytest.fixture
def half_signed_in(settings: Any) -> list[Client]:
    """Sessions of the password alone: of staff that needs the second factor, of one who has it, and of an admin."""
    settings.THROTTLES = dict.fromkeys(settings.THROTTLES, "1000000/minute")
    required = MembershipFactory(brand=BrandFactory(require_second_factor=True)).user
    member, admin = MembershipFactory().user, UserFactory(is_superuser=True)
    clients = []
    for user in (required, member, admin):
        client = Client()
        assert client.post("/admin/login/", {"username": user.username, "password": PASSWORD}).status_code == 302
        clients.append(client)
    add_app(member)
    return clients


def test_no_page_of_the_admin_opens_without_it(half_signed_in: list[Client]) -> None:
    assert len(ROUTES) > 100
    for route in ROUTES:
        path = fill(route)
        for client in half_signed_in:
            for response in (client.get(path), client.post(path)):
                assert response.status_code == 302, (path, response.status_code)
                to = response.url  # type: ignore[attr-defined]
                assert to.startswith("/admin/login/?next=") or (route == "admin/logout/" and to == "/admin/"), path


def test_the_list_of_open_pages_is_current() -> None:
    assert set(OPEN_PAGES) <= set(list_admin_routes())


def test_the_same_pages_open_with_it() -> None:
    client = Client()
    client.force_login(UserFactory(is_superuser=True))
    lists = [route for route in ROUTES if re.fullmatch(r"admin/\w+/\w+/", route)]

    assert len(lists) > 20
    assert {client.get(fill(route)).status_code for route in lists} <= {200, 302, 405}
