"""The error catalog: all domain errors, and the pages that the ``type`` of a problem document links to."""

from collections.abc import Mapping
from http import HTTPStatus
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from core.errors import ERROR_CATALOG, DomainError, NotFound
from core.problems import problem_from_exception

RETRY = _("Retry after the number of seconds in Retry-After.")
ADVICE: Mapping[int, str | Promise] = {
    400: _("Correct the listed fields and try again."),
    401: _("Sign in again, or send a valid token or API key."),
    403: _("Ask a brand owner for access."),
    404: _("Check the URL and the ID. Objects of other brands are also reported as not found."),
    405: _("Use one of the methods in the Allow header."),
    406: _("Request another format in the Accept header."),
    409: _("The current status doesn't allow this. Retrying won't help until it changes."),
    410: _("Start again from the beginning."),
    411: _("Send the length of the body in the Content-Length header."),
    412: _("Read the object again, and repeat the change with its new ETag."),
    413: _("Send less data in one request."),
    415: _("Send a content type that this URL accepts."),
    422: _("Use a new Idempotency-Key for a different request."),
    429: RETRY,
    500: _("Retry. If the error persists, contact support with the X-Request-ID of the response."),
    503: RETRY,
}


def list_errors() -> dict[str, type[DomainError]]:
    """Return the error classes of all installed apps, sorted by code."""
    for config in apps.get_app_configs():
        if module_has_submodule(config.module, "errors") and str(config.path).startswith(str(settings.BASE_DIR)):
            import_module(f"{config.name}.errors")
    return dict(sorted(ERROR_CATALOG.items()))


@require_safe
def error_list(request: HttpRequest) -> HttpResponse:
    """Show all errors, as a page or as JSON by the Accept header."""
    errors = [_to_context(error_class) for error_class in list_errors().values()]
    return _negotiate(request, {"errors": errors}, {"all": errors})


@require_safe
def error_detail(request: HttpRequest, code: str) -> HttpResponse:
    """Show an error and how to fix it, as a page or as JSON by the Accept header."""
    error_class = list_errors().get(code)
    if error_class is None:
        return problem_from_exception(NotFound()).response()
    error = _to_context(error_class)
    return _negotiate(request, error, {"one": error})


def _to_context(error_class: type[DomainError]) -> dict[str, Any]:
    status = HTTPStatus(error_class.status)
    return {
        "type": f"/api/errors/{error_class.code}",
        "code": error_class.code,
        "status": error_class.status,
        "phrase": status.phrase,
        "title": str(error_class.message),
        "advice": str(RETRY if "Retry-After" in error_class.headers else ADVICE.get(error_class.status, "")),
    }


def _negotiate(request: HttpRequest, document: Mapping[str, Any], context: Mapping[str, Any]) -> HttpResponse:
    prefers_page = request.get_preferred_type(["application/json", "text/html"]) == "text/html"
    response = render(request, "core/errors.html", dict(context)) if prefers_page else JsonResponse(document)
    response["Cache-Control"] = "public, max-age=3600"
    patch_vary_headers(response, ["Accept"])
    return response
