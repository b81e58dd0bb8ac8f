"""Shared conventions of the HTTP API: problem+json, strict JSON, CSV and cursor pagination."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import pagination, parsers
from rest_framework.exceptions import ParseError
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.utils import json

from core import errors
from core.errors import MAX_UNKNOWN_FIELDS, InvalidRequest
from core.problems import problem_from_exception

log = structlog.get_logger(__name__)

MAX_DEPTH = 64  # of nested lists and objects in a body
RETRYABLE_SQLSTATES = {"40001", "40P01", "55P03", "57014"}  # serialization, deadlock, lock and statement time-outs


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Return the problem+json response for an exception of a view; log a defect and answer it without details."""
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
    log.warning("database_error", sqlstate=state, error=str(error))
    return errors.Busy() if state in RETRYABLE_SQLSTATES else errors.Unavailable()


@csrf_exempt  # no page has this URL, whatever the method
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an unknown URL (``handler404``): with a problem document below /api/, else with Django's page."""
    return _problem_response(request, errors.NotFound(), defaults.page_not_found, exception or Http404())


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django finds malformed (``handler400``)."""
    return _problem_response(request, errors.InvalidRequest(), defaults.bad_request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a defect outside the API's own exception handler (``handler500``)."""
    return (
        problem_from_exception(errors.ServerError()).response()
        if request.path.startswith("/api/")
        else defaults.server_error(request)
    )


def _problem_response(
    request: HttpRequest, error: errors.DomainError, page: Callable[..., HttpResponse], cause: Exception
) -> HttpResponse:
    return problem_from_exception(error).response() if request.path.startswith("/api/") else page(request, cause)


class JSONParser(parsers.JSONParser):
    """A parser of unambiguous JSON that PostgreSQL can store.

    It accepts UTF-8 without lone surrogates or NUL, finite numbers, and at most ``MAX_DEPTH`` nested levels. An object
    with two members of the same name is refused with their path.
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        repeating: list[_RepeatingObject] = []

        def to_object(members: list[tuple[str, Any]]) -> dict[str, Any]:
            data = dict(members)
            if len(data) == len(members):
                return data
            repeating.append(_RepeatingObject(data, [name for name, _value in members]))
            return repeating[-1]

        try:
            data = json.loads(stream.read().decode(), parse_constant=json.strict_constant, object_pairs_hook=to_object)
            _check_storable(data, MAX_DEPTH)
        except (ValueError, RecursionError) as error:
            raise ParseError from error
        if repeating:
            detail = _("Send this member once.")
            paths = list(_iter_repeated(data, ""))[:MAX_UNKNOWN_FIELDS]
            raise InvalidRequest(errors=[{"field": p, "code": "duplicate_field", "detail": detail} for p in paths])
        return data


class _RepeatingObject(dict[str, Any]):
    """An object of a JSON document with all names of its members, some of which are repeated."""

    def __init__(self, members: dict[str, Any], names: list[str]) -> None:
        super().__init__(members)
        self.repeated = sorted(name for name, count in Counter(names).items() if count > 1)


def _iter_repeated(value: Any, path: str) -> Iterator[str]:
    """Yield the paths of repeated members, such as ``lines.0.sku``."""
    if isinstance(value, _RepeatingObject):
        yield from (f"{path}{name}" for name in value.repeated)
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from _iter_repeated(inner, f"{path}{name}.")


def _check_storable(value: Any, depth: int) -> None:
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
            _check_storable(inner, depth - 1)


class CsvRenderer(BaseRenderer):
    """Renderer for clients that accept CSV only; views stream the CSV without it."""

    media_type, format, charset = "text/csv", "csv", "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b""


class CursorPagination(pagination.CursorPagination):
    """Cursor pagination, newest first: ``{"next", "previous", "results"}``, with a ``limit`` of up to 200."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200
    ordering = "-pk"

    def get_page_size(self, request: Request) -> int:
        raw = request.query_params.get("limit", str(self.page_size))
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 3 and 1 <= int(raw) <= self.max_page_size):
            detail = _("Enter a number from 1 to %(max)s.") % {"max": self.max_page_size}
            raise errors.InvalidRequest.field("limit", detail)
        return int(raw)

    def decode_cursor(self, request: Request) -> Any:
        try:
            return super().decode_cursor(request)
        except Exception as error:
            raise self._invalid_cursor() from error

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, TypeError, ValidationError, DataError) as error:
            if self.cursor_query_param in request.query_params:  # a value that the column cannot hold
                raise self._invalid_cursor() from error
            raise

    def _invalid_cursor(self) -> errors.DomainError:
        return errors.InvalidRequest.field(self.cursor_query_param, _("Invalid cursor."))
