"""The HTTP habits that every app shares: problem+json, strict JSON, CSV, cursor pages."""

import math
from collections.abc import Callable
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import pagination, parsers
from rest_framework.exceptions import ParseError
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from core import errors
from core.problems import problem_from_exception

log = structlog.get_logger(__name__)

MAX_DEPTH = 64  # of nested lists and objects in a body
RETRYABLE_SQLSTATES = {"40001", "40P01", "55P03", "57014"}  # serialization, deadlock, lock and statement time-outs


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Every exception of a view as problem+json; a defect is logged and answered without details."""
    if isinstance(error, OperationalError | InterfaceError):
        error = _database_error(error)
    problem = problem_from_exception(error)
    if problem.status == 500:
        log.error("server_error", exc_info=error)
    if "view" in context and problem.status == 405:
        problem.headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return problem.response()


def _database_error(error: Exception) -> errors.DomainError:
    state = getattr(error.__cause__, "sqlstate", None)
    log.warning("database_refused", sqlstate=state, error=str(error))
    return errors.Busy() if state in RETRYABLE_SQLSTATES else errors.Unavailable()


@csrf_exempt  # nothing is here, whatever the method
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler404: a problem document below /api/, Django's page elsewhere."""
    return _problem_response(request, errors.NotFound(), defaults.page_not_found, exception or Http404())


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: what Django itself finds malformed."""
    return _problem_response(request, errors.InvalidRequest(), defaults.bad_request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: a defect outside the API's own handler."""
    return (
        problem_from_exception(errors.ServerError()).response()
        if request.path.startswith("/api/")
        else defaults.server_error(request)
    )


def _problem_response(
    request: HttpRequest, refusal: errors.DomainError, page: Callable[..., HttpResponse], error: Exception
) -> HttpResponse:
    return problem_from_exception(refusal).response() if request.path.startswith("/api/") else page(request, error)


class JSONParser(parsers.JSONParser):
    """JSON that PostgreSQL can hold: UTF-8 without lone surrogates or NUL, finite numbers, ``MAX_DEPTH`` levels at
    most.
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            data = super().parse(stream, media_type, {**(parser_context or {}), "encoding": "utf-8"})
            _check(data, MAX_DEPTH)
        except (RecursionError, UnicodeEncodeError) as error:
            raise ParseError from error
        return data


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        value.encode()
        if "\0" in value:
            raise ParseError
    elif isinstance(value, float) and not math.isfinite(value):  # 1e999
        raise ParseError
    elif isinstance(value, dict | list):
        if depth == 0:
            raise ParseError
        for inner in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(inner, depth - 1)


class CsvRenderer(BaseRenderer):
    """For callers who ask for CSV by Accept; what they get is streamed past it."""

    media_type, format, charset = "text/csv", "csv", "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b""


class CursorPagination(pagination.CursorPagination):
    """``{"next", "previous", "results"}``, newest first; ``limit`` up to 200."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200
    ordering = "-pk"

    def get_page_size(self, request: Request) -> int:
        raw = request.query_params.get("limit", str(self.page_size))
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 3 and 1 <= int(raw) <= self.max_page_size):
            raise errors.InvalidRequest.field("limit", f"A whole number from 1 to {self.max_page_size}.")
        return int(raw)

    def decode_cursor(self, request: Request) -> Any:
        try:
            return super().decode_cursor(request)
        except Exception as error:
            raise self._raise_invalid_cursor() from error

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, TypeError, ValidationError, DataError) as error:
            if self.cursor_query_param in request.query_params:  # a position that no row can have
                raise self._raise_invalid_cursor() from error
            raise

    def _raise_invalid_cursor(self) -> errors.DomainError:
        return errors.InvalidRequest.field(self.cursor_query_param, "This is not a cursor of this list.")
