"""The catalogue of refusals: each declared once, with its code, HTTP status and sentence.

A refusal is an exception that a caller may rely on: its ``code`` is the contract, its words may change. Whatever is
not a ``Refusal`` is a defect and is answered as one.
"""

from typing import Any, ClassVar

ERROR_CATALOG: dict[str, type["DomainError"]] = {}


class DomainError(Exception):
    """Something asked for that is refused, with a reason.

    ``members`` are added to the problem document beside the standard ones (``missing="4.10"``); ``errors`` lists
    fields, each ``{"field", "code", "detail"}``.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    message: ClassVar[str]
    headers: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" not in cls.__dict__:
            return
        known = ERROR_CATALOG.get(cls.code)
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"refusal code {cls.code!r} is declared twice: {known.__qualname__} and {cls.__qualname__}")
        ERROR_CATALOG[cls.code] = cls

    def __init__(self, detail: str = "", *, errors: list[dict[str, str]] | None = None, **extensions: Any) -> None:
        self.detail = detail or self.message
        self.errors = errors
        self.extensions = extensions
        super().__init__(self.detail)

    def as_dict(self) -> dict[str, Any]:
        """The refusal as it stands inside another answer: ``{"code", "detail", ...members}``."""
        return {"code": self.code, "detail": self.detail, **self.extensions}


class InvalidRequest(DomainError):
    code, status = "invalid", 400
    message = "The request has fields that are missing or wrong."

    @classmethod
    def field(cls, name: str, detail: str, code: str = "invalid") -> "InvalidRequest":
        """A refusal of one field."""
        return cls(errors=[{"field": name, "code": code, "detail": detail}])


class NotAuthenticated(DomainError):
    code, status = "not_authenticated", 401
    message = "Sign in, or send an API key."


class TokenInvalid(DomainError):
    code, status = "token_invalid", 401
    message = "The token or key is not valid."


class TokenExpired(DomainError):
    code, status = "token_expired", 401
    message = "The token has expired."


class PermissionDenied(DomainError):
    code, status = "permission_denied", 403
    message = "You may not do this."


class NotFound(DomainError):
    code, status = "not_found", 404
    message = "There is nothing here, or nothing for you."


class MethodNotAllowed(DomainError):
    code, status = "method_not_allowed", 405
    message = "This address does not take this method."


class NotAcceptable(DomainError):
    code, status = "not_acceptable", 406
    message = "None of the formats asked for can be given."


class LengthRequired(DomainError):
    code, status = "length_required", 411
    message = "Say the body's length (Content-Length): of one in chunks nobody could tell whether it broke off."


class PayloadTooLarge(DomainError):
    code, status = "too_large", 413
    message = "The request's body is too large."


class UnsupportedMediaType(DomainError):
    code, status = "unsupported_media_type", 415
    message = "The body's content type is not understood here."


class IdempotencyKeyReused(DomainError):
    code, status = "idempotency_key_reused", 422
    message = "This Idempotency-Key was used before with another request."


class IdempotencyInProgress(DomainError):
    code, status = "idempotency_in_progress", 409
    message = "The first request with this Idempotency-Key is still running."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class Busy(DomainError):
    code, status = "busy", 409
    message = "Too much happens here at this moment; try again."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class Throttled(DomainError):
    """Too many requests; ``retry_after`` is in seconds."""

    code, status = "throttled", 429
    message = "Too many requests; try again later."

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)
        self.retry_after = retry_after


class ServerError(DomainError):
    code, status = "server_error", 500
    message = "Something went wrong here. It was recorded; the request can be sent again."


class Unavailable(DomainError):
    code, status = "unavailable", 503
    message = "Something this needs is away at the moment; try again."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "2"}
