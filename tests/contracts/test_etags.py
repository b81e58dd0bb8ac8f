"""Every object that can be changed has an ETag, and every change of it honors If-Match."""

from typing import Any

import pytest
from django.db import transaction

from core.etags import make_tag
from tests.contracts.test_openapi import OPERATIONS
from tests.contracts.test_openapi_fuzz import ENDPOINTS, PARAMETER
from tests.isolation.conftest import World
from tests.isolation.endpoints import Row

pytestmark = pytest.mark.django_db
WITHOUT = {
    "/api/v1/brands/{slug}/members/{user_id}/": "read as a list",
    "/api/v1/brands/{slug}/invitations/{invitation_id}/": "read as a list",
    "/api/v1/brands/{slug}/api-keys/{key_id}/": "read as a list",
    "/api/v1/brand-grants/{id}/": "read as a list",
    "/api/v1/discountcodeusage/{usage_id}/": "can only be returned",
    "/api/v1/me/": "an erasure is asked for, whatever the profile says",
}
"""Paths with changes that refuse If-Match, most since the object has no address to read it."""


def row_of(method: str, path: str) -> Row:
    return ENDPOINTS[method.upper(), PARAMETER.sub("{}", path)]


def headers_of(operation: dict[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "header"}


CHANGES = [
    row_of(method, path)
    for method, path, operation in OPERATIONS
    if method != "get" and "If-Match" in headers_of(operation)
]
READS = [row_of(method, path) for method, path, operation in OPERATIONS if "If-None-Match" in headers_of(operation)]


def object_path(row: Row, world: World) -> str:
    """Return the path of the object that a request changes."""
    return world.path(row.route[: row.route.rindex(">/") + 2] if ">/" in row.route else row.route, row.ids)


def row_id(row: Row) -> str:
    return f"{row.method} {row.route}"


def test_every_change_of_an_object_is_versioned_or_refuses_conditions(world: World) -> None:
    paths = {
        path
        for method, path, operation in OPERATIONS
        if method in ("patch", "delete") and "If-Match" not in headers_of(operation)
    }

    assert {PARAMETER.sub("{}", path) for path in paths} == {PARAMETER.sub("{}", path) for path in WITHOUT}
    for method, path, operation in OPERATIONS:
        if method not in ("get", "head") and "If-Match" not in headers_of(operation):
            row = ENDPOINTS.get((method.upper(), PARAMETER.sub("{}", path)))
            if row is None or path.endswith("import/"):
                continue
            response = world.call(row.by, row.method, world.path(row.route, row.ids), row.body, **{"If-Match": '"a.b"'})
            fields = [error["field"] for error in response.json().get("errors", [])]
            assert (response.status_code, fields) == (400, ["If-Match"]), row_id(row)


def test_a_known_answer_is_not_sent_again(world: World) -> None:
    for row in READS:
        path = world.path(row.route, row.ids)
        tag = world.call(row.by, "GET", path).headers["ETag"]

        for known in (tag, f'"other", W/{tag}', "*"):
            response = world.call(row.by, "GET", path, **{"If-None-Match": known})
            is_same = response.headers["ETag"] == tag  # unless something is counted anew with each request
            assert response.status_code == (304 if is_same or known == "*" else 200), row
            assert response.headers["ETag"].partition(".")[0] == tag.partition(".")[0], row
            assert response.status_code == 200 or response.content == b"", row
        assert world.call(row.by, "GET", path, **{"If-None-Match": '"other"'}).status_code == 200, row
        assert world.call(row.by, "GET", path, **{"If-Match": tag}).status_code == 200, row
        refused = world.call(row.by, "GET", path, **{"If-Match": '"other"'})
        assert refused.json()["code"] == "precondition_failed", row


def test_a_change_honors_the_condition(world: World) -> None:
    for row in CHANGES:
        path, tag = world.path(row.route, row.ids), world.call(row.by, "GET", object_path(row, world)).headers["ETag"]
        for stale in ('"other.tag"', f"W/{tag}", f'"{"0" * 24}.{tag.partition(".")[2]}'):
            refused = world.call(row.by, row.method, path, row.body, **{"If-Match": stale})
            assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed"), row
        for malformed in ("", "tag", tag.strip('"'), f"{tag},"):
            refused = world.call(row.by, row.method, path, row.body, **{"If-Match": malformed})
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "If-Match"), row
        with transaction.atomic():  # what one change does, the next doesn't find
            done = world.call(row.by, row.method, path, row.body, **{"If-Match": f'"other.tag", {tag}'})
            assert done.status_code in {200, 201, 204}, (row, done.content)
            again = world.call(row.by, row.method, path, row.body, **{"If-Match": tag})
            is_unchanged = done.headers.get("ETag", "").partition(".")[0] == tag.partition(".")[0]
            assert again.status_code in {404, 412} or is_unchanged or path.endswith("duplicate/"), row
            transaction.set_rollback(True)


def test_an_answer_to_a_change_has_the_version_that_is_read_next(world: World) -> None:
    for row in CHANGES:
        path = world.path(row.route, row.ids)
        if row.method == "DELETE" or path.endswith("duplicate/"):
            continue
        with transaction.atomic():
            done = world.call(row.by, row.method, path, row.body)
            read = world.call(row.by, "GET", object_path(row, world))
            transaction.set_rollback(True)
        assert done.headers["ETag"].partition(".")[0] == read.headers["ETag"].partition(".")[0], row


def test_uses_and_time_leave_the_version() -> None:
    first, second = (make_tag({"name": "Sale", "results": {"uses": uses}}, frozenset({"results"})) for uses in (1, 2))

    assert first != second
    assert first.partition(".")[0] == second.partition(".")[0]
    assert make_tag({"name": "Sales"}, frozenset()).partition(".")[0] != first.partition(".")[0]
