"""OpenAPI schema of what all operations have in common, and what it says about a request."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, force_instance
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

from core import errors
from core.api import CursorPagination
from core.errors import DomainError
from core.problems import CONTENT_TYPE
from core.serializers import InputSerializer

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER,
    description="1 to 255 printable ASCII characters. A repeated request with the same key gets the first response.",
)  # fmt: skip


IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER,
    description="ETag of an answer. If the object was changed since then, the request is refused with 412.",
)  # fmt: skip
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER,
    description="ETag of an answer. If it would be the same, the answer is 304 without a body.",
)  # fmt: skip


class FieldErrorSerializer(serializers.Serializer[Any]):
    """An invalid field."""

    field = serializers.CharField(help_text=_("Path of the field, for example `lines.0.quantity`."))
    code = serializers.CharField(help_text=_("Stable code of the field error."))
    detail = serializers.CharField(help_text=_("Explanation for people."))


class ProblemSerializer(serializers.Serializer[Any]):
    """An error (RFC 9457). Codes are stable; some codes add members of their own."""

    type = serializers.CharField(help_text=_("URL of the error's description."))
    title = serializers.CharField(help_text=_("Message of the error code."))
    status = serializers.IntegerField(help_text=_("HTTP status."))
    code = serializers.CharField(help_text=_("Stable code of the error."))
    detail = serializers.CharField(help_text=_("Explanation of this occurrence."))
    errors = FieldErrorSerializer(many=True, required=False, help_text=_("Invalid fields."))  # type: ignore[assignment]


def problem_responses(*error_classes: type[DomainError]) -> dict[int, OpenApiResponse]:
    """Return errors as ``responses`` of an operation: ``{201: CodeSerializer, **problem_responses(CodeTaken)}``."""
    by_status: dict[int, list[type[DomainError]]] = {}
    for error_class in error_classes:
        by_status.setdefault(error_class.status, []).append(error_class)
    return {
        status: OpenApiResponse(ProblemSerializer, " ".join(f"`{cls.code}`: {cls.message}" for cls in classes))
        for status, classes in by_status.items()
    }


def with_body(method: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view's DELETE method that expects a body, which ``extend_schema`` declares."""
    method.with_body = True  # type: ignore[attr-defined]  # read by the schema
    return method


@dataclass(frozen=True, slots=True)
class RequestDescription:
    """What a request of an operation may contain: the schemas of its query parameters by name, and a body or none."""

    query: Mapping[str, Mapping[str, Any]]
    has_body: bool


class ProblemAutoSchema(AutoSchema):
    """Schema with the errors of any operation, the Idempotency-Key header and the parameters of lists."""

    def describe_request(self, view: APIView, method: str) -> RequestDescription:
        """Return the description of a view's requests with this method."""
        self.view, self.method, self.path, self.registry = view, method.upper(), "", ComponentRegistry()
        query = {
            parameter["name"]: parameter["schema"] for parameter in self._get_parameters() if parameter["in"] == "query"
        }
        return RequestDescription(query, has_body=self._get_request_body() is not None)

    def _get_request_body(self, direction: Any = "request") -> Any:
        """Return the body of an operation. A deletion has one if its method is marked by ``with_body``."""
        if self.method != "DELETE" or not self._has("with_body"):
            return super()._get_request_body(direction)
        self.method = "POST"  # the base class expects no body of others
        try:
            return super()._get_request_body(direction)
        finally:
            self.method = "DELETE"

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)
        is_strict = direction == "request" and isinstance(force_instance(serializer), InputSerializer)
        return schema | {"additionalProperties": False} if is_strict else schema

    def _get_parameters(self) -> list[dict[str, Any]]:
        """Return the parameters; those of the query that are objects are sent by their members."""
        parameters: list[dict[str, Any]] = super()._get_parameters()
        for parameter in parameters:
            if parameter["in"] == "query" and parameter["schema"].get("type") == "object":
                parameter |= {"style": "deepObject", "explode": True}
        return parameters

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if self._is_idempotent():
            parameters.append(IDEMPOTENCY_KEY)
        if self._has("versioned"):
            parameters += [IF_MATCH, IF_NONE_MATCH] if self.method == "GET" else [IF_MATCH]
        return parameters

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status, response in problem_responses(*self._common_errors()).items():
            body = bodies.get(str(status))
            if body is None:
                bodies[str(status)] = self._get_response_for_code(response, str(status), direction=direction)
            else:
                body["description"] = " ".join(filter(None, [body.get("description"), str(response.description)]))
        if self.method == "GET" and self._has("versioned"):
            bodies["304"] = {"description": str(_("The answer is the same as the one with this ETag."))}
        other = OpenApiResponse(ProblemSerializer, str(_("Any other error")))
        bodies["default"] = self._get_response_for_code(other, "default", direction=direction)
        return dict(sorted(bodies.items()))

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> Any:
        if media_types is None and (status_code == "default" or int(status_code) >= 400):
            media_types = [CONTENT_TYPE]
        return super()._get_response_for_code(serializer, status_code, media_types, direction)

    def _common_errors(self) -> list[type[DomainError]]:
        classes: list[type[DomainError]] = [
            errors.InvalidRequest,
            errors.NotAcceptable,
            errors.Throttled,
            errors.Unavailable,
            errors.Busy,
        ]
        if not any(isinstance(permission, AllowAny) for permission in self.view.get_permissions()):
            classes += [errors.NotAuthenticated, errors.TokenInvalid, errors.TokenExpired, errors.PermissionDenied]
        if "{" in self.path:
            classes.append(errors.NotFound)
        if self.method in ("POST", "PUT", "PATCH"):
            classes += [errors.PayloadTooLarge, errors.UnsupportedMediaType]
        if self._is_idempotent():
            classes += [errors.IdempotencyInProgress, errors.IdempotencyKeyReused]
        if self._has("versioned"):
            classes.append(errors.PreconditionFailed)
        if self.method.lower() in getattr(self.view, "costly", {}):
            classes.append(errors.TooManyConcurrentRequests)
        return classes

    def _is_idempotent(self) -> bool:
        return self._has("idempotent")

    def _has(self, mark: str) -> bool:
        """Return whether the method of the view has the mark of a decorator."""
        method = getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None)
        return bool(getattr(method, mark, False))

    def _get_pagination_parameters(self) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._get_pagination_parameters()
        for parameter in parameters:
            if parameter["name"] == CursorPagination.page_size_query_param:
                parameter["schema"] |= {
                    "minimum": 1,
                    "maximum": CursorPagination.max_page_size,
                    "default": CursorPagination.page_size,
                }
        return parameters

    def _get_paginator(self) -> BasePagination | None:
        """Return cursor pagination for list views without a ``pagination_class``."""
        if hasattr(self.view, "pagination_class"):
            paginator: BasePagination | None = super()._get_paginator()
            return paginator
        return CursorPagination()


_lock = threading.Lock()  # drf-spectacular loads its extensions on first use, which two threads must not do at once
_descriptions: dict[tuple[type[APIView], str], RequestDescription] = {}


def describe_request(view_class: type[APIView], method: str) -> RequestDescription:
    """Return what the OpenAPI document says about the requests of a view with a method, such as ``post``."""
    key = (view_class, method)
    if key not in _descriptions:
        with _lock:
            _descriptions[key] = _describe_request(view_class, method)
    return _descriptions[key]


def _describe_request(view_class: type[APIView], method: str) -> RequestDescription:
    view = view_class()
    view.request, view.args, view.kwargs, view.format_kwarg = None, (), {}, None  # type: ignore[assignment]  # as drf-spectacular's generator does
    declared = getattr(getattr(view, method), "kwargs", {}).get("schema")  # set by extend_schema
    schema: Any = declared() if declared else view.schema
    description: RequestDescription = schema.describe_request(view, method)
    return description
