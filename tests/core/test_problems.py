"""problem+json (RFC 9457)."""

import json

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions as drf
from rest_framework import serializers

from core import errors
from core.problems import problem_from_exception


class Line(serializers.Serializer):
    quantity = serializers.IntegerField(min_value=1)


class Cart(serializers.Serializer):
    lines = Line(many=True)
    codes = serializers.ListField(child=serializers.CharField(max_length=3), required=False)

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        if len(attrs["lines"]) > 1:  # type: ignore[arg-type]
            raise serializers.ValidationError("One line, please.", code="crowded")
        return attrs


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (drf.ParseError(), 400, "invalid"),
        (drf.NotAuthenticated(), 401, "not_authenticated"),
        (drf.AuthenticationFailed(), 401, "token_invalid"),
        (drf.PermissionDenied(), 403, "permission_denied"),
        (PermissionDenied(), 403, "permission_denied"),
        (drf.NotFound(), 404, "not_found"),
        (Http404(), 404, "not_found"),
        (drf.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (drf.NotAcceptable(), 406, "not_acceptable"),
        (RequestDataTooBig(), 413, "payload_too_large"),
        (drf.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
        (SuspiciousOperation(), 400, "invalid"),
        (UnreadablePostError(), 400, "invalid"),
        (errors.Busy(), 409, "busy"),
        (errors.Unavailable(), 503, "unavailable"),
        (ZeroDivisionError("the secret detail"), 500, "server_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_each_exception_maps_to_one_error(raised: Exception, status: int, code: str) -> None:
    problem = problem_from_exception(raised)

    assert (problem.status, problem.code) == (status, code)
    assert problem.document() == {
        "type": f"/api/errors/{code}",
        "title": errors.ERROR_CATALOG[code].message,
        "status": status,
        "code": code,
        "detail": errors.ERROR_CATALOG[code].message,
    }


def test_nested_field_errors_are_listed_by_path() -> None:
    cart = Cart(data={"lines": [{"quantity": 0}, {"quantity": 1}, {}], "codes": ["abc", "abcd"]})

    with pytest.raises(drf.ValidationError) as raised:
        cart.is_valid(raise_exception=True)
    problem = problem_from_exception(raised.value)

    assert problem.status == 400
    assert [(fault["field"], fault["code"]) for fault in problem.errors or []] == [
        ("lines.0.quantity", "min_value"),
        ("lines.2.quantity", "required"),
        ("codes.1", "max_length"),
    ]


@pytest.mark.parametrize(
    ("data", "field", "code"),
    [
        ({"lines": [{"quantity": 1}, {"quantity": 2}]}, "body", "crowded"),
        ([], "body", "invalid"),
        (None, "body", "null"),
        ({"lines": [7]}, "lines.0", "invalid"),
        ({"lines": {}}, "lines", "not_a_list"),
    ],
    ids=str,
)
def test_an_error_of_an_object_has_the_path_of_the_object(data: object, field: str, code: str) -> None:
    cart = Cart(data=data)

    with pytest.raises(drf.ValidationError) as raised:
        cart.is_valid(raise_exception=True)
    problem = problem_from_exception(raised.value)

    assert [(fault["field"], fault["code"]) for fault in problem.errors or []] == [(field, code)]


def test_extensions_and_headers_are_part_of_the_problem() -> None:
    response = problem_from_exception(errors.Throttled(9)).response()

    assert response["Content-Type"] == "application/problem+json"
    assert response["Retry-After"] == "9"
    assert json.loads(response.content)["retry_after"] == 9


def test_headers_of_one_response_do_not_leak_into_the_next() -> None:
    problem_from_exception(errors.MethodNotAllowed()).headers["Allow"] = "GET"

    assert problem_from_exception(errors.MethodNotAllowed()).headers == {}


def test_401_has_a_www_authenticate_header() -> None:
    assert problem_from_exception(errors.TokenExpired()).response()["WWW-Authenticate"] == "Bearer"


def test_busy_and_unavailable_have_a_retry_after_header() -> None:
    assert problem_from_exception(errors.Busy()).headers == {"Retry-After": "1"}
    assert problem_from_exception(errors.Unavailable()).headers == {"Retry-After": "2"}
