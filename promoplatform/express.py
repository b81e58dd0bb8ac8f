"""The express lane: ordinary calls of hot views are answered without walking through all of Django.

Of a request that takes something, most of the time went into layers that do nothing for a program with a token: the
routing, sessions, negotiation, and a dozen wrappers. The lane does what remains of them in one function: the token, the
limit, the view's own ``serve``, and the same headers, log line and series. Whatever is out of the ordinary (another
method, an API key, an Idempotency-Key, a query, another type of content) goes the long way, through Django; so the lane
refuses nothing that Django would take, and the two answer alike to the byte.
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
from core.hot import Call, HotView
from core.openapi import describe_request
from core.views import check_empty

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

TYPES = frozenset({"", "application/json"})
ACCEPTED = frozenset({"", "*/*", "application/json"})
LONG_WAY = (
    "HTTP_IDEMPOTENCY_KEY",
    "HTTP_IF_MATCH",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_CONTENT_ENCODING",
)  # headers that only Django knows, also empty ones
PROBE = 204


@dataclass(frozen=True, slots=True)
class Way:
    """An address of the lane: its name, and the view that answers."""

    name: str
    pattern: RoutePattern
    view: type[HotView]


class Lane:
    """Answers ordinary calls of these views; everything else is the application's."""

    def __init__(self, application: Application, ways: Mapping[str, tuple[str, type[HotView]]]) -> None:
        """``ways``: by the name of the address, its route as Django has it, and its view."""
        self.application = application
        self.ways = [Way(name, RoutePattern(route, is_endpoint=True), view) for name, (route, view) in ways.items()]

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        found = self._way(environ)
        headers = None if found is None else _outer(*_whence(environ))
        if found is None or headers is None:
            return self.application(environ, start_response)
        way, arguments = found
        language = message_languages.choose_language(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        started = time.perf_counter()
        request_id = middleware.bind_request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        request_started.send(sender=type(self), environ=environ)
        try:
            with translation.override(language or settings.LANGUAGE_CODE):
                response = message_languages.add_headers(_respond(way, environ, arguments))
                if cors.ORIGIN in environ and cors.is_allowed(environ, way.view):
                    response = cors.add_headers(response, environ[cors.ORIGIN])
        finally:
            request_finished.send(sender=type(self))
        body, status = response.content, response.status_code
        middleware.REQUEST_DURATION.labels(way.name, "POST", status).observe(time.perf_counter() - started)
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

    def _way(self, environ: Environ) -> tuple[Way, dict[str, Any]] | None:
        if environ["REQUEST_METHOD"] != "POST" or not settings.BATCHING or not _is_ordinary(environ):
            return None
        path = environ["PATH_INFO"].removeprefix("/")
        for way in self.ways:
            if match := way.pattern.match(path):
                return way, match[2]
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
        and not any(name in environ for name in LONG_WAY)
    )


def _respond(way: Way, environ: Environ, arguments: dict[str, Any]) -> HttpResponse:
    """What a view of Django's would do around ``serve``: let in, count, render, refuse."""
    scope, quota = throttle.scope_of(way.view), None
    try:
        auth = BearerAuthentication().authenticate_header_value(environ["HTTP_AUTHORIZATION"], "")[1]
        quota = throttle.consume(scope, auth.identity)
        if not describe_request(way.view, "post").has_body:
            check_empty(_body(environ))
        document, status = way.view.serve(Call(auth, timezone.now(), lambda: _body(environ)), **arguments)
    except Exception as error:  # noqa: BLE001  (as in a view: every one has its answer)
        response = exception_handler(error, {})
    else:
        response = HttpResponse(JSONRenderer().render(document), status=status, content_type="application/json")
    throttle.add_headers(response, scope, quota)
    return response


def _body(environ: Environ) -> Any:
    length = int(environ.get("CONTENT_LENGTH") or "0")
    return JSONParser().parse(io.BytesIO(environ["wsgi.input"].read(length))) if length else {}


# --- what the outer layers of Django add, and whom they turn away ---------------------------------------------------
def _whence(environ: Environ) -> tuple[tuple[str, str], ...]:
    """All that the outer layers look at: the host and the scheme, as the server and a trusted proxy tell them."""
    names = ["wsgi.url_scheme", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT"]
    if settings.SECURE_PROXY_SSL_HEADER:
        names.append(settings.SECURE_PROXY_SSL_HEADER[0])
    return tuple((name, environ[name]) for name in names if name in environ)


@lru_cache(maxsize=256)
def _outer(*whence: tuple[str, str]) -> tuple[tuple[str, str], ...] | None:
    """The headers that these layers add to a call from there; None when they would answer it themselves."""

    def inside(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=PROBE)

    layers: middleware.GetResponse = inside
    for layer in (
        CommonMiddleware,
        middleware.PermissionsPolicyMiddleware,
        middleware.ContentSecurityPolicyMiddleware,
        XFrameOptionsMiddleware,
        SecurityMiddleware,
    ):
        layers = layer(layers)  # type: ignore[assignment]  # stubs allow for async ones
    request = WSGIRequest({"REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": io.BytesIO(), **dict(whence)})
    try:
        response = layers(request)
    except Exception:  # noqa: BLE001  (a host that is not ours, and whatever else Django refuses)
        return None
    added = {name: value for name, value in response.items() if name not in {"Content-Type", "Content-Length"}}
    return tuple(added.items()) if response.status_code == PROBE else None
