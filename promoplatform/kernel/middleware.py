"""Request ids, what no request may be, the admin's content policy, and one log line a request."""

import codecs
import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from pghistory.middleware import HistoryMiddleware

from promoplatform.kernel.errors import Invalid, LengthRequired, Refusal, TooLarge, UnsupportedMediaType
from promoplatform.kernel.problems import problem_of

log = structlog.get_logger("promoplatform.request")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
GetResponse = Callable[[HttpRequest], HttpResponse]


def request_id(get_response: GetResponse) -> GetResponse:
    """Takes or makes the X-Request-ID, binds it to every log line of the request and answers it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=name)
        started = time.perf_counter()
        response = get_response(request)
        response["X-Request-ID"] = name
        if settings.LOG_REQUESTS:
            log.info(
                "request",
                method=request.method,
                path=_path(request),
                status=response.status_code,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
        return response

    return middleware


def _path(request: HttpRequest) -> str:
    """The path without the bearer tokens of links in mails."""
    token = request.resolver_match.kwargs.get("token") if request.resolver_match else None
    return request.path.replace(token, "[hidden]") if token else request.path


def well_formed(get_response: GetResponse) -> GetResponse:
    """Refuses below /api/, before anything reads it: a body over the limit (bulk ingest has one of its own) or of no
    stated length, text that is not UTF-8, and NUL, which the database cannot hold, in the query."""

    def middleware(request: HttpRequest) -> HttpResponse:
        refusal = _refusal(request) if request.path.startswith("/api/") else None
        return problem_of(refusal).response() if refusal else get_response(request)

    return middleware


def _refusal(request: HttpRequest) -> Refusal | None:
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        return LengthRequired()  # servers end a body that was cut off as if it were whole
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit() and len(length) < 20):
        return Invalid()
    bulk = request.path.startswith(settings.BULK_PATHS) or request.path.endswith(settings.BULK_ENDINGS)
    if int(length) > settings.BODY_LIMIT and not bulk:
        return TooLarge()
    if request.encoding and codecs.lookup(request.encoding).name != "utf-8":
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
        answer: GetResponse = get_response if request.path.startswith(settings.HOT_PATHS) else tracked
        return answer(request)

    return middleware
