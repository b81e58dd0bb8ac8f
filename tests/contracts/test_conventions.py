"""What every endpoint refuses, and how: always a problem document with a stable code."""

from typing import Any

import pytest

from tests.contracts.test_openapi import OPERATIONS, SCHEMA
from tests.contracts.test_openapi_fuzz import ENDPOINTS, PARAMETER
from tests.contracts.test_strictness import request_schema
from tests.isolation.conftest import World
from tests.isolation.endpoints import Row, rows

pytestmark = pytest.mark.django_db
MALFORMED = ("{", "[1, 2", '{"a": NaN}', '{"a": "\\u0000"}', '{"a": "\\ud800"}', "\ufeff{}", '"text"')
PROBLEM = "application/problem+json"


def check_problem(response: Any, status: int, code: str, row: Row) -> dict[str, Any]:
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"], response.headers["Content-Type"]) == (status, code, PROBLEM), row
    assert problem.keys() >= {"type", "title", "status", "code", "detail"}
    assert problem["type"] == f"/api/errors/{code}"
    return problem


def send(world: World, row: Row, method: str, body: str = "", **headers: str) -> Any:
    content_type = headers.pop("content_type", "application/json")
    client = world.clients[row.by]
    return client.generic(method, world.path(row.route, row.ids), body, content_type=content_type, headers=headers)


def test_other_methods_media_types_and_sizes_are_refused(world: World) -> None:
    replaced = {row.route for row in rows() if row.method == "PUT"}
    replaced.add("api/v1/customers/merge/")  # also that of a customer whose ID is merge
    for row in rows():
        refused = send(world, row, "DELETE" if row.route in replaced else "PUT", "{}")
        check_problem(refused, 405, "method_not_allowed", row)
        assert row.method in refused.headers["Allow"], row
        check_problem(send(world, row, row.method, Accept="application/x-unknown"), 406, "not_acceptable", row)
        if row.method in {"POST", "PATCH", "PUT"}:
            length: Any = {"CONTENT_LENGTH": str(10**9)}
            path = world.path(row.route, row.ids)
            large = world.clients[row.by].generic(row.method, path, "{}", content_type="application/json", **length)
            assert large.status_code in {400, 413}, row
            assert large.status_code == 413 or "audiences" in path or "login-events" in path or "import" in path, row


def test_json_that_is_ambiguous_or_malformed_is_refused(world: World) -> None:
    for method, path, _ in OPERATIONS:
        row = ENDPOINTS.get((method.upper(), PARAMETER.sub("{}", path)))
        if row is None or not request_schema(SCHEMA, method, path):
            continue
        twice = check_problem(send(world, row, row.method, '{"a": 1, "a": 2}'), 400, "invalid", row)
        assert twice["errors"] == [{"field": "a", "code": "duplicate_field", "detail": "Send this member once."}], row
        for body in MALFORMED:
            check_problem(send(world, row, row.method, body), 400, "invalid", row)
        unsupported = send(world, row, row.method, "<a/>", content_type="application/xml")
        check_problem(unsupported, 415, "unsupported_media_type", row)
