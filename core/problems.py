"""problem+json (RFC 9457), the format of all error responses."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpResponse, UnreadablePostError
from rest_framework import exceptions as drf

from core import errors
from core.errors import DomainError

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """An error response."""

    status: int
    code: str
    detail: str
    title: str
    errors: list[dict[str, str]] | None = None
    extensions: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the members of the problem document."""
        document: dict[str, Any] = {
            "type": f"/api/errors/{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors is not None:
            document["errors"] = self.errors
        return document | self.extensions

    def body(self) -> bytes:
        """Return the document as JSON."""
        return json.dumps(self.document(), ensure_ascii=False, separators=(",", ":"), default=str).encode()

    def response(self) -> HttpResponse:
        """Return the document as an HTTP response."""
        return HttpResponse(self.body(), status=self.status, content_type=CONTENT_TYPE, headers=self.headers)


def problem_from_exception(error: BaseException) -> Problem:
    """Return the problem for an exception; an unexpected exception becomes a server error without details."""
    domain_error = _to_domain_error(error)
    headers = dict(domain_error.headers)
    if isinstance(domain_error, errors.Throttled):
        headers |= {"Retry-After": str(domain_error.retry_after), **domain_error.limit_headers}
    if domain_error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Problem(
        domain_error.status,
        domain_error.code,
        domain_error.detail,
        str(domain_error.message),
        domain_error.errors,
        domain_error.extensions,
        headers,
    )


def _to_domain_error(error: BaseException) -> DomainError:
    if isinstance(error, DomainError):
        return error
    if isinstance(error, drf.ValidationError):
        return errors.InvalidRequest(errors=_flatten(error.detail))
    for exception_class, error_class in _EXCEPTION_MAP:
        if isinstance(error, exception_class):
            return error_class()
    return errors.ServerError()


def _flatten(detail: Any, path: str = "") -> list[dict[str, str]]:
    """Return DRF's nested error details as a list of field errors with paths such as ``lines.0.quantity``."""
    if isinstance(detail, dict):
        return [error for name, inner in detail.items() for error in _flatten(inner, _join(path, name))]
    if isinstance(detail, list):
        if all(isinstance(inner, drf.ErrorDetail) for inner in detail):
            return [error for inner in detail for error in _flatten(inner, path)]
        return [error for index, inner in enumerate(detail) for error in _flatten(inner, _join(path, index))]
    return [{"field": path or "body", "code": getattr(detail, "code", "invalid"), "detail": str(detail)}]


def _join(path: str, name: object) -> str:
    return path if name == "non_field_errors" else f"{path}.{name}" if path else str(name)


_EXCEPTION_MAP: list[tuple[type[BaseException], type[DomainError]]] = [
    (drf.ParseError, errors.InvalidRequest),
    (drf.NotAuthenticated, errors.NotAuthenticated),
    (drf.AuthenticationFailed, errors.TokenInvalid),
    (drf.PermissionDenied, errors.PermissionDenied),
    (DjangoPermissionDenied, errors.PermissionDenied),
    (drf.NotFound, errors.NotFound),
    (Http404, errors.NotFound),
    (drf.MethodNotAllowed, errors.MethodNotAllowed),
    (drf.NotAcceptable, errors.NotAcceptable),
    (drf.UnsupportedMediaType, errors.UnsupportedMediaType),
    (RequestDataTooBig, errors.PayloadTooLarge),
    (SuspiciousOperation, errors.InvalidRequest),
    (UnreadablePostError, errors.InvalidRequest),
]
