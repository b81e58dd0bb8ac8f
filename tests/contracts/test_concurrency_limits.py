"""Costly requests run a few at a time for each brand, and every view that may send a stream is one of them."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.contracts import Role
from accounts.models import Brand, User
from core import leases
from tests.factories import BrandFactory, MembershipFactory
from tests.isolation.conftest import World
from tests.isolation.endpoints import resolved_views, rows

pytestmark = pytest.mark.django_db
COSTLY_ROUTES = {  # that don't send a stream
    ("api/schema/", "GET"): "document",
    ("api/v1/promotions/simulate/", "POST"): "simulation",
    ("api/v1/redemptions/", "GET"): "report",
    ("api/internal/v1/audiences/<str:merchant_id>/<str:segment_type>/", "POST"): "import",
    ("api/v1/promotions/<uuid:pk>/batches/import/", "POST"): "import",
    ("admin/checkout/redemption/try/", "POST"): "simulation",
    ("admin/coupons/coupondefinition/<str:pk>/codes/import/", "POST"): "import",
    ("admin/segments/audienceupload/add/", "POST"): "import",
}
RESULTS, EXPORT = "/api/v1/results/", "/admin/redemptions/export/"


def list_pages(patterns: list[Any] | None = None, prefix: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the route and the function of every page outside the API."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from list_pages(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and not hasattr(pattern.callback, "view_class"):
            yield route, pattern.callback


def may_stream(view: Callable[..., Any]) -> bool:
    """Return whether a view answers with more than ``HttpResponse``: mypy checks that its annotation says so."""
    returned = inspect.get_annotations(inspect.unwrap(view), eval_str=True).get("return")
    return returned in (StreamingHttpResponse, HttpResponseBase)


def list_operations() -> dict[tuple[str, str], str | None]:
    """Return the operation of each endpoint and of each page, the latter as GET and POST."""
    views = {(route, method): view for route, method, view in resolved_views()}
    operations = {key: getattr(view, "costly", {}).get(key[1].lower()) for key, view in views.items()}
    pages = {route: getattr(page, "costly_operation", None) for route, page in list_pages()}
    return operations | {(route, method): operation for route, operation in pages.items() for method in ("GET", "POST")}


def test_every_view_that_may_send_a_stream_is_costly() -> None:
    operations = list_operations()
    streams = {(route, method) for route, method, view in resolved_views() if may_stream(getattr(view, method.lower()))}
    pages = {(route, "GET") for route, page in list_pages() if route.startswith("admin/") and may_stream(page)}

    assert len(streams) > 6
    assert len(pages) > 5
    assert {key for key in streams | pages if not operations[key]} == set()


def test_costly_operations_are_declared_with_a_limit(settings: Any) -> None:
    operations = list_operations()

    assert {key: operations[key] for key in COSTLY_ROUTES} == COSTLY_ROUTES
    assert {operation for operation in operations.values() if operation} == settings.CONCURRENCY_LIMITS.keys()


def test_exactly_the_costly_requests_are_refused_at_the_limit(world: World, settings: Any) -> None:
    settings.CONCURRENCY_LIMITS = dict.fromkeys(settings.CONCURRENCY_LIMITS, 0)
    operations, refused = list_operations(), 0
    for row in rows():
        response = world.call(row.by, row.method, world.path(row.route, row.ids, missing=True), row.body)
        is_costly = operations[row.route, row.method] is not None
        assert (response.status_code == 429) is is_costly, row
        if is_costly:
            refused += 1
            assert (response.json()["code"], response.json()["limit"]) == ("too_many_concurrent_requests", 0), row
            assert int(response.headers["Retry-After"]) > 0
    assert refused > 8


def test_the_document_is_limited_by_address(settings: Any) -> None:
    held = [leases.acquire("document", "address:203.0.113.7") for _ in range(4)]
    first: Any = {"REMOTE_ADDR": "203.0.113.7"}

    assert Client().get("/api/schema/", **first).json()["code"] == "too_many_concurrent_requests"
    assert Client().get("/api/schema/").status_code == 200
    assert len(held) == 4


@pytest.mark.django_db(transaction=True)
def test_parallel_requests_of_a_brand_get_exactly_the_limit(
    run_concurrently: Callable[..., list[Any]],
    brand_client: Callable[[Brand], Client],
    shopper_client: Callable[[User], Client],
    settings: Any,
) -> None:
    settings.CONCURRENCY_LIMITS = settings.CONCURRENCY_LIMITS | {"report": 3}
    brand, other = BrandFactory(), BrandFactory()
    keys, staff = [brand_client(brand) for _ in range(2)], shopper_client(MembershipFactory(brand=brand).user)

    def request(number: int) -> Any:
        return keys[number % 2].get(RESULTS, headers={"Accept": "text/csv"})

    responses = run_concurrently(request, range(12))

    assert Counter(response.status_code for response in responses) == {200: 3, 429: 9}
    assert staff.get(RESULTS).status_code == 429
    assert brand_client(other).get(RESULTS).status_code == 200
    streams = [response for response in responses if response.status_code == 200]
    assert b"".join(streams.pop().streaming_content).startswith(b"start")  # read to its end
    assert staff.get(RESULTS).status_code == 200
    assert [request(0).status_code, request(1).status_code] == [200, 429]  # the first one isn't read
    streams.pop().close()  # by a client that goes away
    assert staff.get(RESULTS).status_code == 200


def test_pages_of_the_admin_count_apart(client: Client, settings: Any) -> None:
    settings.CONCURRENCY_LIMITS = settings.CONCURRENCY_LIMITS | {"export": 1}
    brand = BrandFactory()
    client.force_login(MembershipFactory(brand=brand, role=Role.EDITOR).user)
    held = [leases.acquire("export", f"brand:{brand.pk}")]

    first: Any = client.get(EXPORT)
    second = client.get(EXPORT)

    assert (first.status_code, second.status_code) == (200, 429)
    assert second.headers["Retry-After"] == "5"
    assert "Too many of your requests of this kind are running." in second.content.decode()
    assert b"".join(first.streaming_content)
    assert client.get(EXPORT).status_code == 200
    assert len(held) == 1
