"""What holds under the admin's addresses only: a looser content security policy, and no NUL in a question."""

from collections.abc import Callable
from functools import cache

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

GetResponse = Callable[[HttpRequest], HttpResponseBase]


@cache
def _admin() -> str:
    return reverse("admin:index")


class AdminCSPMiddleware:
    """Add ``settings.ADMIN_CSP``, which the admin theme needs, to responses below the admin's URL."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.get_loosened_response = csp_update(settings.ADMIN_CSP)(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(_admin()):
            return self.get_response(request)
        while "%00" in request.META["QUERY_STRING"]:  # no text has one, PostgreSQL takes none, and %0%000 hides one
            request.META["QUERY_STRING"] = request.META["QUERY_STRING"].replace("%00", "")
        return self.get_loosened_response(request)
