"""Request ids, one log line a request, what is measured of it, what none may be, and what only browsers need."""

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
from pghistory.middleware import HistoryMiddleware
from prometheus_client import Histogram

from promoplatform.kernel.errors import Invalid, LengthRequired, Refusal, TooLarge, UnsupportedMediaType
from promoplatform.kernel.problems import problem_of

log = structlog.get_logger("promoplatform.request")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = Histogram(
    "promo_request_seconds", "Requests and how long they took", ["view", "method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
GetResponse = Callable[[HttpRequest], HttpResponse]


def measured(get_response: GetResponse) -> GetResponse:
    """Counts and times each request by view, method and status."""

    def middleware(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = get_response(request)
        view = request.resolver_match.view_name if request.resolver_match else ""
        method = request.method if request.method in METHODS else "other"
        SECONDS.labels(view, method, response.status_code).observe(time.perf_counter() - started)
        return response

    return middleware


def request_id(get_response: GetResponse) -> GetResponse:
    """Takes or makes the X-Request-ID, binds it to every log line of the request and answers it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        name = begin(request.headers.get("X-Request-ID", ""))
        started = time.perf_counter()
        response = get_response(request)
        response["X-Request-ID"] = name
        log_request(request.method, _path(request), response.status_code, started)
        return response

    return middleware


def begin(given: str) -> str:
    """The id of a request that begins: the one that its caller gave, if it is one, bound to what is logged."""
    name = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=name)
    return name


def log_request(method: str | None, path: str, status: int, started: float) -> None:
    """One line for a request that was answered; ``started`` by ``time.perf_counter``."""
    if settings.LOG_REQUESTS:
        ms = round((time.perf_counter() - started) * 1000, 1)
        log.info("request", method=method, path=path, status=status, ms=ms)


def _path(request: HttpRequest) -> str:
    """The path without the bearer tokens of links in mails."""
    token = request.resolver_match.kwargs.get("token") if request.resolver_match else None
    return request.path.replace(token, "[hidden]") if token else request.path


def well_formed(get_response: GetResponse) -> GetResponse:
    """Refuses, before anything reads it, text that is said not to be UTF-8; below /api/ also a body over the limit
    (bulk ingest has one of its own) or of no stated length, and NUL, which the database cannot hold, in the query."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/api/"):
            if _is_foreign(request):
                raise BadRequest  # some codecs make text that can neither be kept nor shown
            return get_response(request)
        refusal = _refusal(request)
        return problem_of(refusal).response() if refusal else get_response(request)

    return middleware


def _is_foreign(request: HttpRequest) -> bool:
    return request.encoding is not None and codecs.lookup(request.encoding).name != "utf-8"


def _refusal(request: HttpRequest) -> Refusal | None:
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        return LengthRequired()  # servers end a body that was cut off as if it were whole
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit() and len(length) < 20):
        return Invalid()
    bulk = request.path.startswith(settings.BULK_PATHS) or request.path.endswith(settings.BULK_ENDINGS)
    if int(length) > settings.BODY_LIMIT and not bulk:
        return TooLarge()
    if _is_foreign(request):
        return UnsupportedMediaType()
    if any("\0" in name or "\0" in value for name, values in request.GET.lists() for value in values):
        return Invalid()
    return None


def history(get_response: GetResponse) -> GetResponse:
    """Says who changed what (pghistory) on all but the hot paths, which change nothing that is tracked: it sends a
    statement with every statement.
    """
    tracked = HistoryMiddleware(get_response)  # type: ignore[no-untyped-call]

    def middleware(request: HttpRequest) -> HttpResponse:
        hot = request.path.startswith(settings.HOT_PATHS) or request.path.endswith(settings.HOT_ENDINGS)
        answer: GetResponse = get_response if hot else tracked
        return answer(request)

    return middleware


class ContentPolicy(CSPMiddleware):
    """The content security policy, put together once for all answers that do not ask for one of their own."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if settings.DEBUG or hasattr(request, "_csp_nonce") or any(name.startswith("_csp") for name in vars(response)):
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self._ordinary)
        return response

    @cached_property
    def _ordinary(self) -> str:
        return build_policy(**asdict(PolicyParts()))


class _ForBrowsers(MiddlewareMixin):
    """Middleware that programs pass by: who calls the API with a token or a key has no session and reads no pages."""

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request) if _is_program(request) else super().__call__(request)


def _is_program(request: HttpRequest) -> bool:
    keyword = request.META.get("HTTP_AUTHORIZATION", "")[:8].lower()
    return keyword.startswith(("bearer ", "api-key ")) and request.path.startswith("/api/")


class Sessions(_ForBrowsers, SessionMiddleware):
    """Django's sessions, for browsers."""


class Users(_ForBrowsers, AuthenticationMiddleware):
    """The session's user, for browsers."""


class Messages(_ForBrowsers, MessageMiddleware):
    """Django's messages, for browsers."""
