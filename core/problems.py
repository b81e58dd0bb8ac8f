"""problem+json (RFC 9457): the one shape of every refusal."""

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
    """A refusal as it is answered."""

    status: int
    code: str
    detail: str
    title: str
    errors: list[dict[str, str]] | None = None
    extensions: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The members of the problem document."""
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
        return json.dumps(self.document(), ensure_ascii=False, separators=(",", ":"), default=str).encode()

    def response(self) -> HttpResponse:
        return HttpResponse(self.body(), status=self.status, content_type=CONTENT_TYPE, headers=self.headers)


def problem_from_exception(error: BaseException) -> Problem:
    """The problem that answers an exception; what is nobody's refusal becomes a server error without details."""
    refusal = _to_domain_error(error)
    headers = dict(refusal.headers)
    if isinstance(refusal, errors.Throttled):
        headers["Retry-After"] = str(refusal.retry_after)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Problem(
        refusal.status, refusal.code, refusal.detail, str(refusal.message), refusal.errors, refusal.extensions, headers
    )


def _to_domain_error(error: BaseException) -> DomainError:
    if isinstance(error, DomainError):
        return error
    if isinstance(error, drf.ValidationError):
        return errors.InvalidRequest(errors=_flatten(error.detail))
    for kind, refusal in _EXCEPTION_MAP:
        if isinstance(error, kind):
            return refusal()
    return errors.ServerError()


def _flatten(detail: Any, path: str = "") -> list[dict[str, str]]:
    """DRF's nested error details as a list of fields, ``lines.0.quantity`` style."""
    if isinstance(detail, dict):
        return [fault for name, inner in detail.items() for fault in _flatten(inner, _join(path, name))]
    if isinstance(detail, list):
        if all(isinstance(inner, drf.ErrorDetail) for inner in detail):
            return [fault for inner in detail for fault in _flatten(inner, path)]
        return [fault for index, inner in enumerate(detail) for fault in _flatten(inner, _join(path, index))]
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
