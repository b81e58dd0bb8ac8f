"""The catalogue of refusals, whole, and as pages: what the ``type`` of a problem leads to."""

from collections.abc import Mapping
from http import HTTPStatus
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.module_loading import module_has_submodule
from django.views.decorators.http import require_safe

from core.errors import ERROR_CATALOG, DomainError, NotFound
from core.problems import problem_from_exception

ADVICE: Mapping[int, str] = {
    400: "Change what the fields say, and send it again.",
    401: "Sign in again, or send a valid token or API key.",
    403: "Ask somebody who may do this.",
    404: "Look at the address and the id. What belongs to others is answered like this, too.",
    405: "Use a method that the header Allow names.",
    406: "Ask for another format in the header Accept.",
    409: "The state of things refuses it; sending the same again changes nothing until that state does.",
    411: "Say how long the body is, in the header Content-Length.",
    413: "Send less at once.",
    415: "Send a content type that the address takes.",
    422: "Send what belongs together: a new request needs a new key.",
    429: "Wait as long as the header Retry-After says, then send it again.",
    500: "Send it again; if it stays so, tell the operator the X-Request-ID of the answer.",
    503: "Wait as long as the header Retry-After says, then send it again.",
}
TRY_AGAIN = "Wait as long as the header Retry-After says, then send the same again."


def list_errors() -> dict[str, type[DomainError]]:
    """Every refusal of every installed app, sorted by code."""
    for config in apps.get_app_configs():
        if module_has_submodule(config.module, "errors") and str(config.path).startswith(str(settings.BASE_DIR)):
            import_module(f"{config.name}.errors")
    return dict(sorted(ERROR_CATALOG.items()))


@require_safe
def error_list(request: HttpRequest) -> HttpResponse:
    """Every refusal: a page for people, JSON for whoever prefers that."""
    found = [_to_context(error_detail) for error_detail in list_errors().values()]
    return _answer(request, {"refusals": found}, {"all": found})


@require_safe
def error_detail(request: HttpRequest, code: str) -> HttpResponse:
    """One refusal: what it means, and what to do about it."""
    found = list_errors().get(code)
    if found is None:
        return problem_from_exception(NotFound()).response()
    return _answer(request, _to_context(found), {"one": _to_context(found)})


def _to_context(error_detail: type[DomainError]) -> dict[str, Any]:
    status = HTTPStatus(error_detail.status)
    return {
        "type": f"/api/errors/{error_detail.code}",
        "code": error_detail.code,
        "status": error_detail.status,
        "phrase": status.phrase,
        "title": error_detail.message,
        "advice": TRY_AGAIN if "Retry-After" in error_detail.headers else ADVICE.get(error_detail.status, ""),
    }


def _answer(request: HttpRequest, document: Mapping[str, Any], page: Mapping[str, Any]) -> HttpResponse:
    wants_page = request.get_preferred_type(["application/json", "text/html"]) == "text/html"
    answer = render(request, "core/errors.html", dict(page)) if wants_page else JsonResponse(document)
    answer["Cache-Control"] = "public, max-age=3600"
    patch_vary_headers(answer, ["Accept"])
    return answer
