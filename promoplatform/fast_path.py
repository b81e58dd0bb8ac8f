"""A fast path before Django: it answers ordinary calls of fast views without most of the middleware.

Most of the time of a request that redeems something went into layers that do nothing for a program with a token:
routing, sessions, negotiation and wrappers. The fast path does what remains of them in one function: authentication,
the rate limit, the view's own ``serve``, and the same headers, log line and metrics. Everything else (another method,
an API key, an Idempotency-Key, a query, another content type) goes to Django. So the fast path refuses nothing that
Django would accept, and both give the same bytes.
"""

import io
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.client import responses
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import request_finished, request_started
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls.resolvers import RoutePattern
from django.utils import timezone, translation
from rest_framework.renderers import JSONRenderer

from accounts.api import cors
from accounts.api.authentication import BearerAuthentication
from core import message_languages, middleware, throttle
from core.api import JSONParser, exception_handler
from core.fast_views import Call, FastView
from core.openapi import describe_request
from core.views import check_empty

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

TYPES = frozenset({"", "application/json"})
ACCEPTED = frozenset({"", "*/*", "application/json"})
DJANGO_ONLY = (
    "HTTP_IDEMPOTENCY_KEY",
    "HTTP_IF_MATCH",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_CONTENT_ENCODING",
)  # headers that only Django handles, also empty ones
PROBE = 204


@dataclass(frozen=True, slots=True)
class FastRoute:
    """A route of the fast path: its name, its pattern, and the view that answers."""

    name: str
    pattern: RoutePattern
    view: type[FastView]


class FastPath:
    """Application that answers ordinary calls of fast views and passes every other request to Django."""

    def __init__(self, application: Application, routes: Mapping[str, tuple[str, type[FastView]]]) -> None:
        """Take the pattern and the view of each route by its name."""
        self.application = application
        self.routes = [
            FastRoute(name, RoutePattern(pattern, is_endpoint=True), view) for name, (pattern, view) in routes.items()
        ]

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        found = self._find_route(environ)
        headers = None if found is None else _outer_headers(*_find_origin(environ))
        if found is None or headers is None:
            return self.application(environ, start_response)
        route, arguments = found
        language = message_languages.choose_language(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        started = time.perf_counter()
        request_id = middleware.bind_request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        request_started.send(sender=type(self), environ=environ)
        try:
            with translation.override(language or settings.LANGUAGE_CODE):
                response = message_languages.add_headers(_respond(route, environ, arguments))
                if cors.ORIGIN in environ and cors.is_allowed(environ, route.view):
                    response = cors.add_headers(response, environ[cors.ORIGIN])
        finally:
            request_finished.send(sender=type(self))
        body, status = response.content, response.status_code
        middleware.REQUEST_DURATION.labels(route.name, "POST", status).observe(time.perf_counter() - started)
        middleware.log_request("POST", environ["PATH_INFO"], status, started)
        start_response(
            f"{status} {responses[status]}",
            [
                *response.items(),
                ("Allow", "POST, OPTIONS"),
                *headers,
                ("Content-Length", str(len(body))),
                ("X-Request-ID", request_id),
            ],
        )
        return [body]

    def _find_route(self, environ: Environ) -> tuple[FastRoute, dict[str, Any]] | None:
        if environ["REQUEST_METHOD"] != "POST" or not settings.BATCHING or not _is_ordinary(environ):
            return None
        path = environ["PATH_INFO"].removeprefix("/")
        for route in self.routes:
            if match := route.pattern.match(path):
                return route, match[2]
        return None


def _is_ordinary(environ: Environ) -> bool:
    length = environ.get("CONTENT_LENGTH") or "0"
    return (
        environ.get("HTTP_AUTHORIZATION", "")[:7].lower() == "bearer "
        and environ.get("CONTENT_TYPE", "") in TYPES
        and environ.get("HTTP_ACCEPT", "") in ACCEPTED
        and length.isascii()
        and length.isdigit()
        and len(length) < 10
        and int(length) <= settings.BODY_LIMIT
        and not environ.get("QUERY_STRING")
        and not any(name in environ for name in DJANGO_ONLY)
    )


def _respond(route: FastRoute, environ: Environ, arguments: dict[str, Any]) -> HttpResponse:
    """Do what a view of Django does around ``serve``: authenticate, count, render, handle errors."""
    scope, quota = throttle.scope_of(route.view), None
    try:
        auth = BearerAuthentication().authenticate_header_value(environ["HTTP_AUTHORIZATION"], "")[1]
        quota = throttle.consume(scope, auth.identity)
        if not describe_request(route.view, "post").has_body:
            check_empty(_body(environ))
        call = Call(auth, timezone.now(), lambda: _body(environ), throttle.find_network(environ))
        document, status = route.view.serve(call, **arguments)
    except Exception as error:  # noqa: BLE001  (as in a view: every error has a response)
        response = exception_handler(error, {})
    else:
        response = HttpResponse(JSONRenderer().render(document), status=status, content_type="application/json")
    throttle.add_headers(response, scope, quota)
    return response


def _body(environ: Environ) -> Any:
    length = int(environ.get("CONTENT_LENGTH") or "0")
    return JSONParser().parse(io.BytesIO(environ["wsgi.input"].read(length))) if length else {}


# --- headers that the outer middleware adds, and requests that it refuses ---------------------------------------------
def _find_origin(environ: Environ) -> tuple[tuple[str, str], ...]:
    """Return what the outer middleware reads: the host and the scheme, from the server and a trusted proxy."""
    names = ["wsgi.url_scheme", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT"]
    if settings.SECURE_PROXY_SSL_HEADER:
        names.append(settings.SECURE_PROXY_SSL_HEADER[0])
    return tuple((name, environ[name]) for name in names if name in environ)


@lru_cache(maxsize=256)
def _outer_headers(*origin: tuple[str, str]) -> tuple[tuple[str, str], ...] | None:
    """Return the headers that the outer middleware adds to a response; None if it would answer the request itself."""

    def respond_empty(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=PROBE)

    layers: middleware.GetResponse = respond_empty
    for layer in (
        CommonMiddleware,
        middleware.PermissionsPolicyMiddleware,
        middleware.ContentSecurityPolicyMiddleware,
        XFrameOptionsMiddleware,
        SecurityMiddleware,
    ):
        layers = layer(layers)  # type: ignore[assignment]  # stubs allow for async ones
    request = WSGIRequest({"REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": io.BytesIO(), **dict(origin)})
    try:
        response = layers(request)
    except Exception:  # noqa: BLE001  (an unknown host, or another request that Django refuses)
        return None
    added = {name: value for name, value in response.items() if name not in {"Content-Type", "Content-Length"}}
    return tuple(added.items()) if response.status_code == PROBE else None
