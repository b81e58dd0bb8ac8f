"""The published description of the API: complete, without warnings, and true about refusals."""

import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from core.errors import ERROR_CATALOG
from tests.contracts.tree import ROOT
from tests.factories import BrandFactory

METHODS = ("get", "post", "put", "patch", "delete")
SOME = {"uuid": "01890a5d-ac96-774b-bcce-b302099a8057", "string": "nothing"}


def described() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


SCHEMA = described()
OPERATIONS = [
    (method, path, operation)
    for path, item in SCHEMA["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]
OWN_SHAPE = "/api/login-campaign"  # its refusals have the shape of its answers
NAMES = [f"{method} {path}" for method, path, _ in OPERATIONS]


def refusals_of(path: str) -> str:
    """The media type of a refusal at this address."""
    return "application/json" if path == OWN_SHAPE else "application/problem+json"


def address(path: str, operation: dict[str, Any]) -> str:
    """The path with something in its gaps that fits and is nothing of anybody's."""
    gaps = {one["name"]: one["schema"] for one in operation.get("parameters", []) if one["in"] == "path"}
    return re.sub(r"{(\w+)}", lambda gap: SOME[gaps[gap[1]].get("format", "string")], path)


def test_it_is_valid_and_made_without_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    GENERATOR_STATS.reset()

    validate_schema(described())

    assert not GENERATOR_STATS, capsys.readouterr().err


def test_it_is_served_to_everybody_and_kept_nowhere() -> None:
    response = Client().get("/api/schema/?format=json")

    assert response.status_code == 200
    assert json.loads(response.content)["paths"].keys() == SCHEMA["paths"].keys()
    assert not (ROOT / "docs/openapi.yaml").exists()


def test_every_address_below_the_api_is_described() -> None:
    def walk(resolver: URLResolver, prefix: str = "") -> list[str]:
        found = []
        for one in resolver.url_patterns:
            path = prefix + str(one.pattern)
            found += walk(one, path) if isinstance(one, URLResolver) else [path]
        return found

    ours = {"/" + re.sub(r"<(?:\w+:)?(\w+)>", "{}", path) for path in walk(get_resolver()) if path.startswith("api/")}
    known = {re.sub(r"{\w+}", "{}", path) for path in SCHEMA["paths"]}

    assert ours - known == {"/api/schema/", "/api/docs/", "/api/errors/", "/api/errors/{}"}


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_every_refusal_that_is_described_is_a_problem_document(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    answers = operation["responses"]

    assert any(status.startswith("2") for status in answers)
    for status, answer in answers.items():
        if status == "default" or int(status) >= 400:
            (content_type,) = answer["content"]
            assert content_type == refusals_of(path), (status, answer)
            for code in re.findall(r"`([a-z_]+)`:", answer.get("description", "")):
                assert status == str(ERROR_CATALOG[code].status)
    assert operation.get("description") or operation.get("summary")
    assert "400" in answers


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_a_stranger_gets_a_problem_document(method: str, path: str, operation: dict[str, Any]) -> None:
    response = getattr(Client(), method)(address(path, operation), {}, content_type="application/json")

    public = {} in operation.get("security", [{}])
    assert response.status_code in ((400, 401) if public else (401,))
    assert response["Content-Type"] == refusals_of(path)
    assert str(response.status_code) in operation["responses"]


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_another_accept_gets_406_and_another_content_type_415(
    method: str, path: str, operation: dict[str, Any], brand_client: Any
) -> None:
    client = brand_client(BrandFactory())
    refused = getattr(client, method)(address(path, operation), headers={"Accept": "text/css"})
    assert (refused.status_code, refused["Content-Type"]) == (406, refusals_of(path))

    if "requestBody" in operation and "{" not in path:
        refused = client.generic(method.upper(), path, b"a", content_type="text/css")
        assert refused.status_code in (403, 415)
        assert refused["Content-Type"] == refusals_of(path)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_what_takes_gives_or_spends_takes_an_idempotency_key(method: str, path: str, operation: dict[str, Any]) -> None:
    harmless = ["/quote/", "/simulate/", "/offers/", "/import/", "/auth/", "/members/", "/invitations/"]
    harmless += ["/api-keys/", "activate/", "/audiences/"]
    harmless += [OWN_SHAPE]  # the token that it answers is kept nowhere, and who asks again gets the same voucher
    headers = {one["name"] for one in operation.get("parameters", []) if one["in"] == "header"}

    if method == "post" and not any(part in path for part in harmless):
        assert "Idempotency-Key" in headers
    elif method != "post":
        assert "Idempotency-Key" not in headers


def test_the_command_line_makes_the_same_without_a_warning(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))

    assert (tmp_path / "openapi.yaml").read_text().startswith("openapi: 3")
