"""Cross-origin requests: the pages of a brand may call the endpoints of shoppers, with a shopper's token.

A brand lists the origins of its pages. There is no wildcard, and no cookies are sent. Other endpoints, and requests
with an API key, which doesn't belong into a browser, are answered without these headers.
"""

import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils.cache import patch_vary_headers

from accounts.selectors import list_browser_origins

ORIGIN, REQUESTED_METHOD = "HTTP_ORIGIN", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"
METHODS = "GET, POST"
REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID"
RESPONSE_HEADERS = (
    "Content-Language, ETag, Idempotency-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
)
PREFLIGHT_SECONDS = 600  # for which browsers remember what is allowed
ORIGINS_SECONDS = 10.0  # after which a process reads the origins again


class _Origins:
    """The origins of all brands, read again after a few seconds."""

    def __init__(self) -> None:
        self.known: frozenset[str] = frozenset()
        self.expires = 0.0

    def __contains__(self, origin: str) -> bool:
        now = time.monotonic()
        if now >= self.expires:
            self.known, self.expires = list_browser_origins(), now + ORIGINS_SECONDS
        return origin in self.known

    def clear(self) -> None:
        """Read the origins again with the next request."""
        self.expires = 0.0


origins = _Origins()


class CorsMiddleware:
    """Answer preflight requests, and add the headers to the answers of views for browsers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = request.META.get(ORIGIN)
        view = _find_view(request.path_info) if origin and request.path.startswith("/api/") else None
        if origin is None or view is None or not is_allowed(request.META, view):
            return self.get_response(request)
        if request.method == "OPTIONS" and REQUESTED_METHOD in request.META:
            return _answer_preflight(origin)
        return add_headers(self.get_response(request), origin)


def is_allowed(headers: dict[str, Any], view: Any) -> bool:
    """Return whether the page that sends a request may read the answer of a view."""
    has_key = headers.get("HTTP_AUTHORIZATION", "")[:7].lower() == "api-key"
    return getattr(view, "is_for_browsers", False) and not has_key and headers[ORIGIN] in origins


def add_headers(response: HttpResponse, origin: str) -> HttpResponse:
    """Allow the pages of an origin to read a response."""
    response["Access-Control-Allow-Origin"] = origin
    response["Access-Control-Expose-Headers"] = RESPONSE_HEADERS
    patch_vary_headers(response, ["Origin"])
    return response


def _answer_preflight(origin: str) -> HttpResponse:
    response = HttpResponse(status=204)
    response["Access-Control-Allow-Origin"] = origin
    response["Access-Control-Allow-Methods"] = METHODS
    response["Access-Control-Allow-Headers"] = REQUEST_HEADERS
    response["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    patch_vary_headers(response, ["Origin"])
    return response


def _find_view(path: str) -> Any:
    try:
        return getattr(resolve(path).func, "cls", None)
    except Resolver404:
        return None
