"""Every POST that makes or changes something accepts an Idempotency-Key, and refuses one that is none."""

from typing import Any

import pytest
from django.db import transaction

from tests.contracts.test_openapi import OPERATIONS
from tests.contracts.test_openapi_fuzz import ENDPOINTS, PARAMETER
from tests.isolation.conftest import World
from tests.isolation.endpoints import Row

pytestmark = pytest.mark.django_db
WITHOUT_EFFECT = {"quote/", "offers/", "simulate/"}
REPEATABLE = {"import/", "audiences/", "login-events/"}
"""Ends of paths whose bodies name what they change, so that repeating them has no further effect."""
SECRET = {"api-keys/"}
"""Ends of paths whose answers are shown once, so that they must not be kept."""
INVALID = ["", " ", "caf\xe9", "a\tb", "x" * 256, " key", "key "]


def is_expected(row: Row) -> bool:
    return not any(part in row.route for part in WITHOUT_EFFECT | REPEATABLE | SECRET)


POSTS = [
    ENDPOINTS["POST", PARAMETER.sub("{}", path)]
    for method, path, _ in OPERATIONS
    if method == "post" and ("POST", PARAMETER.sub("{}", path)) in ENDPOINTS
]


def call(world: World, row: Row, key: str, body: Any) -> Any:
    return world.call(row.by, "POST", world.path(row.route, row.ids), body, **{"Idempotency-Key": key})


def test_an_invalid_key_is_refused(world: World) -> None:
    for row in filter(is_expected, POSTS):
        for key in INVALID:
            refused = call(world, row, key, row.body)
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "Idempotency-Key"), (row, key)


def test_a_key_repeats_the_first_answer(world: World) -> None:
    for row in filter(is_expected, POSTS):
        with transaction.atomic():  # what one endpoint changes, the next doesn't find
            first, second = (call(world, row, "one", row.body) for _ in range(2))
            assert first.status_code in {200, 201, 202}, (row, first.content)
            assert (second.status_code, second.content) == (first.status_code, first.content), row
            assert second.headers["Idempotency-Replayed"] == "true", row
            if row.body is not None:  # an action without a body refuses one before it reads the key
                assert call(world, row, "one", {"other": 1}).json()["code"] == "idempotency_key_reused", row
            transaction.set_rollback(True)
