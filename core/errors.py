"""Domain errors: each is declared once, with its code, HTTP status and message.

Callers may rely on the ``code``; the message may change. Any other exception is a defect and is answered as a 500.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ERROR_CATALOG: dict[str, type["DomainError"]] = {}
UNKNOWN_FIELD, MAX_UNKNOWN_FIELDS = _("Unknown field."), 100  # the message, and how many are listed
CONTROL_CHARACTERS = _("Remove line breaks, control characters and marks of text direction.")
CONTROL_CHARACTERS_IN_LINES = _("Remove control characters and marks of text direction.")


class DomainError(Exception):
    """Base class of the errors that callers may rely on.

    ``extensions`` are added to the problem document beside the standard members (``missing="4.10"``). ``errors`` lists
    fields, each ``{"field", "code", "detail"}``.
    """

    code: ClassVar[str]
    status: int
    message: ClassVar[str | Promise]
    headers: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" not in cls.__dict__:
            return
        known = ERROR_CATALOG.get(cls.code)
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"error code {cls.code!r} is declared twice: {known.__qualname__} and {cls.__qualname__}")
        ERROR_CATALOG[cls.code] = cls

    def __init__(
        self, detail: str | Promise = "", *, errors: list[dict[str, str]] | None = None, **extensions: Any
    ) -> None:
        self._detail = detail or self.message
        self.errors = errors
        self.extensions = extensions
        super().__init__(self._detail)

    @property
    def detail(self) -> str:
        """The explanation for people, in the active language: that of the request which is answered."""
        return str(self._detail)

    def with_status(self, status: int) -> Self:
        """Return a copy of the error that is answered with another HTTP status."""
        other = copy.copy(self)
        other.status = status
        return other

    def as_dict(self) -> dict[str, Any]:
        """Return ``{"code", "detail", ...extensions}``, the form that other answers embed."""
        return {"code": self.code, "detail": self.detail, **self.extensions}


class InvalidRequest(DomainError):
    code, status = "invalid", 400
    message = _("The request contains invalid fields.")

    @classmethod
    def field(cls, name: str, detail: str, code: str = "invalid") -> "InvalidRequest":
        """Return an error of one field."""
        return cls(errors=[{"field": name, "code": code, "detail": detail}])

    @classmethod
    def unknown_fields(cls, names: Iterable[str]) -> "InvalidRequest":
        """Return an error of members or parameters that the endpoint doesn't know, in alphabetical order."""
        unknown = sorted(names)[:MAX_UNKNOWN_FIELDS]
        return cls(errors=[{"field": name, "code": "unknown_field", "detail": str(UNKNOWN_FIELD)} for name in unknown])


class NotAuthenticated(DomainError):
    code, status = "not_authenticated", 401
    message = _("Authentication credentials were not provided.")


class TokenInvalid(DomainError):
    code, status = "token_invalid", 401
    message = _("Invalid token or API key.")


class TokenExpired(DomainError):
    code, status = "token_expired", 401
    message = _("The token has expired.")


class PermissionDenied(DomainError):
    code, status = "permission_denied", 403
    message = _("You don't have permission for this action.")


class NotFound(DomainError):
    code, status = "not_found", 404
    message = _("Not found.")


class MethodNotAllowed(DomainError):
    code, status = "method_not_allowed", 405
    message = _("This method isn't allowed.")


class NotAcceptable(DomainError):
    code, status = "not_acceptable", 406
    message = _("None of the requested media types is available.")


class LengthRequired(DomainError):
    code, status = "length_required", 411
    message = _("The Content-Length header is required.")


class PreconditionFailed(DomainError):
    code, status = "precondition_failed", 412
    message = _("The object was changed since you read it. Read it again.")


class PayloadTooLarge(DomainError):
    code, status = "payload_too_large", 413
    message = _("The request body is too large.")


class UnsupportedMediaType(DomainError):
    code, status = "unsupported_media_type", 415
    message = _("This content type isn't supported.")


class IdempotencyKeyReused(DomainError):
    code, status = "idempotency_key_reused", 422
    message = _("This Idempotency-Key was used with a different request.")


class CustomerErased(DomainError):
    code, status = "customer_erased", 410
    message = _("The data of this request's customer was erased, and with it the response.")


class IdempotencyInProgress(DomainError):
    code, status = "idempotency_in_progress", 409
    message = _("The first request with this Idempotency-Key is still running.")
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class Busy(DomainError):
    code, status = "busy", 409
    message = _("The resource is busy. Retry after the number of seconds in Retry-After.")
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class Throttled(DomainError):
    """Too many requests; ``retry_after`` is in seconds. ``scope`` and ``headers`` describe the exceeded limit."""

    code, status = "throttled", 429
    message = _("Too many requests. Retry after the number of seconds in Retry-After.")

    def __init__(self, retry_after: int, *, headers: Mapping[str, str] | None = None, scope: str = "") -> None:
        super().__init__(retry_after=retry_after)
        self.scope = scope
        self.retry_after = retry_after
        self.limit_headers = headers or {}


class TooManyConcurrentRequests(DomainError):
    """Too many costly requests of a brand run at once; ``limit`` is how many may."""

    code, status = "too_many_concurrent_requests", 429
    message = _("Too many of your requests of this kind are running. Retry after the number of seconds in Retry-After.")
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class ServerError(DomainError):
    code, status = "server_error", 500
    message = _("Something went wrong. Retry, or contact support with the X-Request-ID.")


class Unavailable(DomainError):
    code, status = "unavailable", 503
    message = _("The service is temporarily unavailable. Retry after the number of seconds in Retry-After.")
    headers: ClassVar[dict[str, str]] = {"Retry-After": "2"}
