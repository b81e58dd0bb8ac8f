"""Middleware of the admin site: its content security policy, and no NUL in query strings."""

from collections.abc import Callable
from functools import cache

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

GetResponse = Callable[[HttpRequest], HttpResponseBase]


@cache
def _admin_url() -> str:
    return reverse("admin:index")


class AdminCSPMiddleware:
    """Middleware that adds ``settings.ADMIN_CSP``, which the theme needs, to responses of the admin site."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.get_admin_response = csp_update(settings.ADMIN_CSP)(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(_admin_url()):
            return self.get_response(request)
        while "%00" in request.META["QUERY_STRING"]:  # PostgreSQL cannot store NUL, and %0%000 contains one
            request.META["QUERY_STRING"] = request.META["QUERY_STRING"].replace("%00", "")
        return self.get_admin_response(request)
