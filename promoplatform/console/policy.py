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


def admin_policy(get_response: GetResponse) -> GetResponse:
    """Adds ``settings.ADMIN_CSP``, which the theme cannot do without, to the answers below the admin's address."""

    loosened = csp_update(settings.ADMIN_CSP)(get_response)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(_admin()):
            return get_response(request)
        while "%00" in request.META["QUERY_STRING"]:  # no text has one, PostgreSQL takes none, and %0%000 hides one
            request.META["QUERY_STRING"] = request.META["QUERY_STRING"].replace("%00", "")
        return loosened(request)

    return middleware
