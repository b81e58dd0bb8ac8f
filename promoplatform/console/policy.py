"""The admin's content security policy: looser than everywhere else, and under the admin's addresses only."""

from collections.abc import Callable

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def admin_policy(get_response: GetResponse) -> GetResponse:
    """Adds ``settings.ADMIN_CSP``, which the theme cannot do without, to the answers below the admin's address."""

    loosened = csp_update(settings.ADMIN_CSP)(get_response)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return (loosened if request.path.startswith(reverse("admin:index")) else get_response)(request)

    return middleware
