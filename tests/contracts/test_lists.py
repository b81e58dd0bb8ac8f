"""Every list has the same shape, pages, order and filters."""

from typing import Any

import pytest

from tests.contracts.test_openapi import OPERATIONS
from tests.contracts.test_openapi_fuzz import ENDPOINTS, PARAMETER
from tests.isolation.conftest import World
from tests.isolation.endpoints import Row

pytestmark = pytest.mark.django_db
OFFERS = {"created_after", "created_before", "updated_after", "external_id", "metadata", "ordering", "status", "brand"}
EXPECTED = {
    "/api/v1/promotions/": OFFERS | {"code", "trigger"},
    "/api/v1/coupons/": OFFERS | {"code"},
    "/api/v1/discountcode/": OFFERS | {"code"},
    "/api/v1/campaigns/": OFFERS,
    "/api/v1/checkout/redemptions/": OFFERS | {"code", "order", "customer_id"},
    "/api/v1/vouchers/": {"created_after", "created_before", "ordering", "status", "brand", "campaign"},
}
"""The filters that people need, by list."""


def parameters_of(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one["schema"] for one in operation.get("parameters", []) if one["in"] == "query"}


LISTS: list[tuple[str, Row, dict[str, dict[str, Any]]]] = [
    (path, ENDPOINTS["GET", PARAMETER.sub("{}", path)], parameters_of(operation))
    for method, path, operation in OPERATIONS
    if method == "get" and {"cursor", "limit"} <= parameters_of(operation).keys()
]


def test_lists_have_the_filters_that_people_need() -> None:
    for path, _, parameters in LISTS:
        assert EXPECTED.get(path, set()) <= parameters.keys(), path
    assert EXPECTED.keys() <= {path for path, _, _ in LISTS}


def test_every_list_has_pages_of_limited_size(world: World) -> None:
    for path, row, _ in LISTS:
        url = world.path(row.route, row.ids)
        for limit in ("1", "200"):
            page = world.call(row.by, "GET", f"{url}?limit={limit}").json()
            assert {"next", "previous", "results"} <= page.keys(), path
            assert len(page["results"]) <= int(limit), path
        for query in ("limit=0", "limit=201", "limit=-1", "limit=x", "limit=%D9%A1", "cursor=x"):
            refused = world.call(row.by, "GET", f"{url}?{query}")
            fields = [error["field"] for error in refused.json().get("errors", [])]
            assert (refused.status_code, fields) == (400, [query.partition("=")[0]]), (path, query, refused.content)


def test_every_order_lists_the_same_objects_page_by_page(world: World) -> None:
    for path, row, parameters in LISTS:
        if "ordering" not in parameters:
            continue
        url = world.path(row.route, row.ids)
        status = "&status=all" if path == "/api/v1/coupons/" else ""
        everything = read_all(world, row, f"{url}?limit=200{status}")
        for ordering in parameters["ordering"]["enum"]:
            found = read_all(world, row, f"{url}?ordering={ordering}&limit=1{status}")
            assert sorted(one["id"] for one in found) == sorted(one["id"] for one in everything), (path, ordering)
            field = ordering.removeprefix("-")
            values = [one[field] for one in found if field in one]
            assert values == sorted(values, reverse=ordering.startswith("-")), (path, ordering)


def read_all(world: World, row: Row, url: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while url:
        page = world.call(row.by, "GET", url).json()
        found += page["results"]
        url = page["next"]
    return found


def test_filters_that_match_nothing_find_nothing(world: World) -> None:
    nothing = {
        "created_after": "2098-01-01", "created_before": "2000-01-01", "updated_after": "2098-01-01",
        "external_id": "nosuch", "metadata[a]": "b", "code": "NOSUCH", "order": "nosuch", "customer_id": "nosuch",
        "brand": "nosuch", "campaign": "nosuch",
    }  # fmt: skip
    for path, row, parameters in LISTS:
        if path not in EXPECTED:
            continue
        for name, value in nothing.items():
            if name.partition("[")[0] in parameters:
                response = world.call(row.by, "GET", f"{world.path(row.route, row.ids)}?{name}={value}")
                assert (response.status_code, response.json()["results"]) == (200, []), (path, name)


@pytest.mark.parametrize(
    "query", ["metadata=a", "metadata[]=a", "metadata[a=b", "metadata[a[b]]=c", "metadata[a]=1&metadata[a]=2"]
)
def test_metadata_is_asked_for_by_key(query: str, world: World) -> None:
    response = world.call("owner", "GET", f"/api/v1/promotions/?{query}")

    assert response.status_code == 400
    assert response.json()["errors"][0]["field"].startswith("metadata")
