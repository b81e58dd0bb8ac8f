"""Every endpoint refuses what it doesn't know, at every depth of the body and in the query, and stores nothing."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import path as url_path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.openapi import describe_request
from tests.contracts.test_openapi import OPERATIONS, SCHEMA
from tests.contracts.test_openapi_fuzz import ENDPOINTS, PARAMETER
from tests.isolation.conftest import World
from tests.isolation.endpoints import Row, resolved_views

Json = dict[str, Any]
Path = tuple[str | int, ...]

UNKNOWN = "unknwon"
SELECT = {"categories": ["shoes"]}
OFFER = {
    "conditions": [{"kind": "min_subtotal", "value": "1.00", "select": SELECT}],
    "benefits": [
        {"kind": "percent", "value": "10", "select": SELECT},
        {"kind": "buy_get", "buy": {"quantity": 2, "select": SELECT}, "get": {"quantity": 1, "select": SELECT}},
        {"kind": "groups", "size": 2, "then": {"percent": "50"}},
        {"kind": "tiers", "basis": "eligible_quantity", "unit": "percent", "tiers": [{"from": 2, "value": "10"}]},
    ],
}
DOCUMENTS: Json = {
    "offer": OFFER,
    "profile": {"rounding": "half_up"},
    "rule": {"discount": 10, "conditions": OFFER["conditions"], "select": SELECT},
}
"""Objects that the OpenAPI document doesn't describe, by the name of the member."""
SAMPLES: Json = {
    "attributes": {},
    "metadata": {},
    "currency": "EUR",
    "budget": "100.00",
    "max_per_month": "100.00",
    "max_per_order": "10.00",
    "max_per_customer": "20.00",
    "price": "1.00",
    "email": "new@example.com",
    "start_date": "2099-01-01",
    "end_date": "2099-02-01",
}
FREE = ("attributes", "metadata")  # their keys are the caller's own
FOREIGN = {"/api/internal/v1/login-events/": "written by an identity provider"}
"""Paths whose bodies others write, which may have more members."""


# --- the check --------------------------------------------------------------------------------------------------------
@pytest.fixture
def world(shared_world: World) -> World:
    return shared_world


def find_accepted(method: str, path: str, schema: Json, world: World, row: Row | None) -> list[str]:
    """Return what the operation accepts although it doesn't know it, or refuses otherwise, or stores."""
    url = world.path(row.route, row.ids) if row else path
    body = row.body if row else None
    if not isinstance(body, str):
        body = complete(world.fill(body), request_schema(schema, method, path), schema)
    cases: list[tuple[str, str, Any]] = [(UNKNOWN, f"{url}?{UNKNOWN}=1", body)]
    if path not in FOREIGN and not isinstance(body, str):
        cases += [
            (".".join(map(str, (*level, UNKNOWN))), url, with_member(body, level))
            for level in iter_levels({} if body is None else body)
        ]
    before, accepted = digest_database(), []
    for field, target, sent in cases:
        response = send(world, row.by if row else "anonymous", method, target, sent)
        if response.status_code != 400 or not is_refused(field, response):
            accepted.append(f"{method} {target} {field}: {response.status_code} {response.content.decode()}")
        if changed := [table for table, digest in digest_database().items() if before[table] != digest]:
            accepted.append(f"{method} {target} {field}: changed {changed}")
    return accepted


def send(world: World, caller: str, method: str, url: str, body: Any) -> Any:
    content, content_type = (body, "text/csv") if isinstance(body, str) else (json.dumps(body), "application/json")
    if body is None:
        content = ""
    return world.clients[caller].generic(method.upper(), url, content, content_type=content_type)


def is_refused(field: str, response: Any) -> bool:
    """Return whether the answer names the unknown field, or an object around it that can't be changed at all."""
    document = response.json()
    if "errorMessage" in document:  # the format of /api/login-campaign
        return f"{field}: Unknown field." in document["errorMessage"]
    errors = {(error["field"], error["code"]) for error in document.get("errors", [])}
    parts = field.split(".")
    fixed = {(".".join(parts[:length]), "immutable") for length in range(1, len(parts))}
    return document["code"] == "invalid" and bool(errors & {(field, "unknown_field"), *fixed})


def digest_database() -> dict[str, str]:
    """Return a digest of the rows of each table, without the time at which a key was last used."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        tables = [name for (name,) in cursor.fetchall()]
        rows = "SELECT '{0}', md5(string_agg((to_jsonb(t) - 'last_used_at')::text, '' ORDER BY to_jsonb(t)::text))"
        cursor.execute(" UNION ALL ".join(f"{rows} FROM {{0}} t".format(f'"{name}"') for name in tables))
        return dict(cursor.fetchall())


# --- bodies with every object that a request may have -----------------------------------------------------------------
def request_schema(schema: Json, method: str, path: str) -> Json:
    """Return the schema of an operation's JSON body; an empty one for an operation without a body."""
    content = schema["paths"][path][method].get("requestBody", {}).get("content", {})
    return resolve(content.get("application/json", {}).get("schema", {}), schema)


def resolve(node: Json, schema: Json) -> Json:
    """Return a node of the document with the object that it refers to."""
    for choice in node.get("allOf", [])[:1]:
        return resolve(choice, schema)
    for choice in node.get("oneOf", []):
        if has_object(resolve(choice, schema), schema):
            return resolve(choice, schema)
    if "oneOf" in node:
        return resolve(node["oneOf"][0], schema)
    if "$ref" not in node:
        return node
    name = node["$ref"].rpartition("/")[2]
    return resolve(schema["components"]["schemas"][name], schema)


def has_object(node: Json, schema: Json) -> bool:
    node = resolve(node, schema)
    return node.get("type") == "object" or (node.get("type") == "array" and has_object(node["items"], schema))


def complete(value: Any, node: Json, schema: Json, name: str = "") -> Any:
    """Return the value with its missing objects, and with a value for what is required."""
    node = resolve(node, schema)
    if name in DOCUMENTS:
        return copy.deepcopy(DOCUMENTS[name])
    if node.get("type") == "array":
        items = value or [None]
        return [complete(item, node["items"], schema, name) for item in items]
    if node.get("type") != "object":
        return sample(node, name) if value is None else value
    if "properties" not in node and name in SAMPLES:  # a map, such as amounts by currency, whose keys are values
        return SAMPLES[name] if value is None else value
    assert "properties" in node, f"describe {name}, or add a sample of it"
    known = value if isinstance(value, dict) else {}  # another form of the same, such as an ID
    return known | {
        member: complete(known.get(member), inner, schema, member)
        for member, inner in node["properties"].items()
        if member in node.get("required", ()) or member in known or has_object(inner, schema)
    }


def sample(node: Json, name: str) -> Any:
    if name in SAMPLES:
        return SAMPLES[name]
    if "enum" in node:
        return node["enum"][0]
    match node.get("type"):
        case "integer":
            return node.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return "1.00" if "pattern" in node else "sample-1"


def iter_levels(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of each object in a body whose members are not free."""
    if path and path[-1] in FREE:
        return
    if isinstance(value, dict):
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from iter_levels(inner, (*path, name))


def with_member(body: Any, level: Path) -> Any:
    """Return a copy of the body with an unknown member in the object at this path."""
    body = copy.deepcopy(body or {})
    target = body
    for name in level:
        target = target[name]
    target[UNKNOWN] = 1
    return body


# --- every endpoint ---------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), [operation[:2] for operation in OPERATIONS], ids=str)
def test_an_endpoint_refuses_what_it_does_not_know(method: str, path: str, world: World) -> None:
    row = ENDPOINTS.get((method.upper(), PARAMETER.sub("{}", path)))

    assert find_accepted(method, path, SCHEMA, world, row) == []


def test_the_accepted_parameters_are_those_of_the_document() -> None:
    views = {(PARAMETER.sub("{}", f"/{route}"), method.lower()): view for route, method, view in resolved_views()}
    for method, path, operation in OPERATIONS:
        described = describe_request(views[PARAMETER.sub("{}", path), method], method)
        names = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}
        assert set(described.query) == names, path
        assert described.has_body is ("requestBody" in operation), path


# --- the check finds an endpoint without strictness ---------------------------------------------------------------
class LaxLineSerializer(serializers.Serializer[Any]):
    sku = serializers.CharField()


class LaxSerializer(serializers.Serializer[Any]):
    lines = LaxLineSerializer(many=True, required=False)


class LaxView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(request=LaxSerializer, responses={200: None})
    def post(self, request: Request) -> Response:
        LaxSerializer(data=request.data).is_valid(raise_exception=True)
        return Response({})


urlpatterns = [url_path("lax/", LaxView.as_view())]


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_an_endpoint_without_strictness_is_found() -> None:
    schema = SchemaGenerator(patterns=urlpatterns).get_schema(request=None, public=True)

    accepted = find_accepted("post", "/lax/", schema, World({"anonymous": Client()}, {}, []), row=None)

    assert [entry.split(": ")[0] for entry in accepted] == [
        f"post /lax/?{UNKNOWN}=1 {UNKNOWN}",
        f"post /lax/ {UNKNOWN}",
        f"post /lax/ lines.0.{UNKNOWN}",
    ]
