"""The OpenAPI document: complete, without warnings, and correct about errors."""

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
SAMPLE_VALUES = {"uuid": "01890a5d-ac96-774b-bcce-b302099a8057", "string": "nothing"}


def generate_schema() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


SCHEMA = generate_schema()
OPERATIONS = [
    (method, path, operation)
    for path, item in SCHEMA["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]
CUSTOM_ERROR_FORMAT = "/api/login-campaign"  # its refusals have the shape of its answers
NAMES = [f"{method} {path}" for method, path, _ in OPERATIONS]


def error_content_type(path: str) -> str:
    """Return the media type of errors at this path."""
    return "application/json" if path == CUSTOM_ERROR_FORMAT else "application/problem+json"


def sample_path(path: str, operation: dict[str, Any]) -> str:
    """Return the path with valid sample values that match no object."""
    schemas = {
        parameter["name"]: parameter["schema"]
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "path"
    }
    return re.sub(r"{(\w+)}", lambda match: SAMPLE_VALUES[schemas[match[1]].get("format", "string")], path)


def test_document_is_valid_and_generated_without_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    GENERATOR_STATS.reset()

    validate_schema(generate_schema())

    assert not GENERATOR_STATS, capsys.readouterr().err


def test_document_is_public_and_not_stored() -> None:
    response = Client().get("/api/schema/?format=json")

    assert response.status_code == 200
    assert json.loads(response.content)["paths"].keys() == SCHEMA["paths"].keys()
    assert not (ROOT / "docs/openapi.yaml").exists()


def test_every_api_url_is_described() -> None:
    def walk(resolver: URLResolver, prefix: str = "") -> list[str]:
        paths = []
        for pattern in resolver.url_patterns:
            path = prefix + str(pattern.pattern)
            paths += walk(pattern, path) if isinstance(pattern, URLResolver) else [path]
        return paths

    ours = {"/" + re.sub(r"<(?:\w+:)?(\w+)>", "{}", path) for path in walk(get_resolver()) if path.startswith("api/")}
    described = {re.sub(r"{\w+}", "{}", path) for path in SCHEMA["paths"]}

    assert ours - described == {"/api/schema/", "/api/docs/", "/api/errors/", "/api/errors/{}"}


def test_operation_ids_are_unique() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_described_errors_are_problem_documents(method: str, path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]

    assert any(status.startswith("2") for status in responses)
    for status, response in responses.items():
        if status == "default" or int(status) >= 400:
            (content_type,) = response["content"]
            assert content_type == error_content_type(path), (status, response)
            for code in re.findall(r"`([a-z_]+)`:", response.get("description", "")):
                assert status == str(ERROR_CATALOG[code].status)
    assert operation.get("description") or operation.get("summary")
    assert "400" in responses


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_anonymous_request_gets_a_problem_document(method: str, path: str, operation: dict[str, Any]) -> None:
    response = getattr(Client(), method)(sample_path(path, operation), {}, content_type="application/json")

    public = {} in operation.get("security", [{}])
    assert response.status_code in ((400, 401) if public else (401,))
    assert response["Content-Type"] == error_content_type(path)
    assert str(response.status_code) in operation["responses"]


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_unsupported_media_types_get_406_and_415(
    method: str, path: str, operation: dict[str, Any], brand_client: Any
) -> None:
    client = brand_client(BrandFactory())
    response = getattr(client, method)(sample_path(path, operation), headers={"Accept": "text/css"})
    assert (response.status_code, response["Content-Type"]) == (406, error_content_type(path))

    if "requestBody" in operation and "{" not in path:
        response = client.generic(method.upper(), path, b"a", content_type="text/css")
        assert response.status_code in (403, 415)
        assert response["Content-Type"] == error_content_type(path)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_operations_with_effects_accept_an_idempotency_key(method: str, path: str, operation: dict[str, Any]) -> None:
    without_effects = ["/quote/", "/simulate/", "/offers/", "/import/", "/auth/", "/members/"]
    without_effects += ["/api-keys/", "activate/", "/audiences/"]
    without_effects += [CUSTOM_ERROR_FORMAT]  # the token is not stored, and a repeated request gets the same voucher
    headers = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "header"}

    if method == "post" and not any(part in path for part in without_effects):
        assert "Idempotency-Key" in headers
    elif method != "post":
        assert "Idempotency-Key" not in headers


def test_command_generates_the_document_without_warnings(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))

    assert (tmp_path / "openapi.yaml").read_text().startswith("openapi: 3")
