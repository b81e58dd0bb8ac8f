"""Request ids, the size limit of bodies, and one log line a request."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from promoplatform.kernel.errors import TooLarge
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
                "request", method=request.method, path=request.path, status=response.status_code,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
        return response

    return middleware


def body_limit(get_response: GetResponse) -> GetResponse:
    """Refuses bodies over the limit below /api/ before anything reads them; bulk ingest has a limit of its own."""

    def middleware(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if request.path.startswith("/api/") and not request.path.startswith(settings.BULK_PATHS):
            if length.isdigit() and int(length) > settings.BODY_LIMIT:
                return problem_of(TooLarge()).response()
        return get_response(request)

    return middleware
