"""What the scopes of API keys open: every endpoint and method of the API with every scope."""

import pytest
from django.test import Client

from accounts.contracts import Scope
from accounts.models import Brand
from tests.factories import ApiKeyFactory
from tests.isolation.conftest import World
from tests.isolation.endpoints import OPEN, Row, resolved, resolved_views, rows

pytestmark = pytest.mark.django_db
ROWS = rows()


@pytest.fixture
def keys(world: World) -> dict[Scope, str]:
    """Add a caller with an API key of each scope, of Billo or the platform. Return their names."""
    for scope in Scope:
        brand = None if scope is Scope.INTERNAL else Brand.objects.get(slug="billo")
        text = ApiKeyFactory(brand=brand, scopes=[scope]).text
        world.clients[f"{scope} key"] = Client(headers={"Authorization": f"Api-Key {text}"})
    return {scope: f"{scope} key" for scope in Scope}


def list_cells(*, allowed: bool) -> list[tuple[Row, Scope]]:
    """Return the pairs of endpoint and scope in which a key is allowed, or refused."""
    return [(row, scope) for row in ROWS for scope in Scope if (scope in row.scopes) is allowed]


def test_a_key_without_a_scope_of_the_endpoint_is_refused(world: World, keys: dict[Scope, str]) -> None:
    for row, scope in list_cells(allowed=False):
        answers = [
            world.call(keys[scope], row.method, world.path(row.route, row.ids, missing=missing), row.body)
            for missing in (False, True)
        ]
        assert [answer.status_code for answer in answers] == [403, 403], (row, scope)
        problem = answers[0].json()
        assert problem["code"] == "permission_denied"
        assert problem["detail"].removeprefix("This needs an API key with one of these scopes: ") == (
            f"{', '.join(sorted(row.scopes))}."
            if row.scopes
            else "API keys can't use this endpoint. Sign in as a user."
        ), (row, scope)
        assert answers[0].content == answers[1].content


def test_a_key_with_a_scope_of_the_endpoint_passes(world: World, keys: dict[Scope, str]) -> None:
    for row, scope in list_cells(allowed=True):
        answer = world.call(keys[scope], row.method, world.path(row.route, row.ids), row.body)
        assert answer.status_code not in {401, 403}, (row, scope, answer.content)


def test_the_table_is_that_of_the_views() -> None:
    declared = {
        (route, method): frozenset(getattr(view, "key_scopes", {}).get(method.lower(), ()))
        for route, method, view in resolved_views()
        if (route, method) not in OPEN
    }

    assert {(row.route, row.method): row.scopes for row in ROWS} == declared
    assert set(declared) | set(OPEN) == resolved()


def test_an_internal_key_for_some_brands_names_no_others(world: World) -> None:
    for slug, status in [("billo", {200, 202, 204}), ("cake", {404})]:
        brand = Brand.objects.get(slug=slug)
        text = ApiKeyFactory(internal=True, internal_brands=[brand.pk]).text
        world.clients["limited"] = Client(headers={"Authorization": f"Api-Key {text}"})
        for row in (row for row in ROWS if row.by == "internal" and "login-events" not in row.route):
            answer = world.call("limited", row.method, world.path(row.route, row.ids), row.body)
            missing = world.call("limited", row.method, world.path(row.route, row.ids, missing=True), row.body)
            if slug == "billo":
                assert answer.status_code in status | {409, 404}, (row, answer.content)
            elif row.ids:
                assert (answer.status_code, answer.content) == (404, missing.content), row
