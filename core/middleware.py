"""Middleware: metrics, request IDs and logs, request validation, the audit log's context, and browser sessions."""

import codecs
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from typing import Any

import structlog
from csp.constants import HEADER
from csp.middleware import CSPMiddleware, PolicyParts
from csp.utils import build_policy
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _
from pghistory.middleware import HistoryMiddleware
from prometheus_client import Histogram

from core import throttle
from core.errors import DomainError, InvalidRequest, LengthRequired, PayloadTooLarge, UnsupportedMediaType
from core.problems import problem_from_exception

log = structlog.get_logger("promoplatform.request")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
CUSTOMER_PATH = re.compile(r"^(/api/v1/customers/)(?!merge/)[^/]+/")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
REQUEST_DURATION = Histogram(
    "promo_request_seconds", "Duration of requests in seconds", ["view", "method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
GetResponse = Callable[[HttpRequest], HttpResponse]


class _Middleware:
    """A middleware that keeps the next handler of the chain."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response


class MetricsMiddleware(_Middleware):
    """Count and time each request by view, method and status."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        view = request.resolver_match.view_name if request.resolver_match else ""
        method = request.method if request.method in METHODS else "other"
        REQUEST_DURATION.labels(view, method, response.status_code).observe(time.perf_counter() - started)
        return response


class RequestIdMiddleware(_Middleware):
    """Read or generate the X-Request-ID, bind it to every log line of the request, and return it in the response."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = bind_request_id(request.headers.get("X-Request-ID", ""))
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        log_request(request.method, _path(request), response.status_code, started)
        return response


def bind_request_id(header: str) -> str:
    """Return the request ID of the header if it is valid, else a new one, and bind it to the log lines."""
    request_id = header if _REQUEST_ID.fullmatch(header) else uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id


def log_request(method: str | None, path: str, status: int, started: float) -> None:
    """Log a request that was answered; ``started`` is a value of ``time.perf_counter``."""
    if settings.LOG_REQUESTS:
        ms = round((time.perf_counter() - started) * 1000, 1)
        log.info("request", method=method, path=path, status=status, ms=ms)


def _path(request: HttpRequest) -> str:
    """Return the path without the tokens of links in emails."""
    token = request.resolver_match.kwargs.get("token") if request.resolver_match else None
    return request.path.replace(token, "[hidden]") if token else request.path


class RequestValidationMiddleware(_Middleware):
    """Reject requests that no view can handle, before their body is read.

    Text must be UTF-8. Below /api/, a body needs a Content-Length within the limit (bulk endpoints have their own) and
    no Content-Encoding except where compressed files are read, and the query string must not contain NUL, which
    PostgreSQL cannot store.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/api/"):
            if _has_foreign_charset(request):
                raise BadRequest  # some codecs decode to text that can be neither stored nor rendered
            return self.get_response(request)
        error = _request_error(request)
        response = problem_from_exception(error).response() if error else self.get_response(request)
        if throttle.RATE_LIMIT_POLICY not in response:  # refused before it was counted
            throttle.add_headers(response, "api", None)
        return response


def _has_foreign_charset(request: HttpRequest) -> bool:
    return request.encoding is not None and codecs.lookup(request.encoding).name != "utf-8"


def _request_error(request: HttpRequest) -> DomainError | None:
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        return LengthRequired()  # servers end a body that was cut off as if it were whole
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit() and len(length) < 20):
        return InvalidRequest()
    bulk = request.path.startswith(settings.BULK_PATHS) or request.path.endswith(settings.BULK_SUFFIXES)
    if int(length) > settings.BODY_LIMIT and not bulk:
        return PayloadTooLarge()
    if error := _media_type_error(request):
        return error
    if any("\0" in name or "\0" in value for name, values in request.GET.lists() for value in values):
        return InvalidRequest()
    return None


def _media_type_error(request: HttpRequest) -> DomainError | None:
    if _has_foreign_charset(request):
        return UnsupportedMediaType()
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity") and not request.path.startswith(settings.COMPRESSED_PATHS):
        return UnsupportedMediaType(_("This Content-Encoding isn't supported. Send the body uncompressed."))
    return None


class PermissionsPolicyMiddleware(_Middleware):
    """Forbid pages, and what they embed, the devices and features of the browser that none of them uses."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        return response


class _AuditMiddleware(HistoryMiddleware):
    """The recorder of the user, the address and the path of each change, without the IDs of customers in paths."""

    def get_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the user, the address and the path, with the name of the parameter in the place of a customer ID."""
        context: dict[str, Any] = super().get_context(request)
        path = CUSTOMER_PATH.sub(r"\1<customer_id>/", request.path)
        return context | {"url": path, "address": throttle.client_ip(request)}


class AuditContextMiddleware(_Middleware):
    """Record the user of each change (pghistory), except on the hot paths.

    Hot paths change no tracked model, and pghistory adds a statement to every statement.
    """

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self.tracked = _AuditMiddleware(get_response)  # type: ignore[no-untyped-call]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        hot = request.path.startswith(settings.HOT_PATHS) or request.path.endswith(settings.HOT_SUFFIXES)
        handler: GetResponse = self.get_response if hot else self.tracked
        return handler(request)


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """Content security policy, built once for all responses without a policy of their own."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if settings.DEBUG or hasattr(request, "_csp_nonce") or any(name.startswith("_csp") for name in vars(response)):
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self._default_policy)
        return response

    @cached_property
    def _default_policy(self) -> str:
        return build_policy(**asdict(PolicyParts()))


class _BrowserOnlyMiddleware(MiddlewareMixin):
    """Base class of middleware that API clients with a token or key skip, since they have no session."""

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request) if is_api_client(request) else super().__call__(request)


def is_api_client(request: HttpRequest) -> bool:
    """Return whether a request is of an API client with a token or key, which has no session."""
    keyword = request.META.get("HTTP_AUTHORIZATION", "")[:8].lower()
    return keyword.startswith(("bearer ", "api-key ")) and request.path.startswith("/api/")


class BrowserSessionMiddleware(_BrowserOnlyMiddleware, SessionMiddleware):
    """Sessions, for browsers only."""


class BrowserAuthMiddleware(_BrowserOnlyMiddleware, AuthenticationMiddleware):
    """The user of the session, for browsers only."""


class BrowserMessagesMiddleware(_BrowserOnlyMiddleware, MessageMiddleware):
    """Messages, for browsers only."""
