"""Admin pages of costly operations, of which each brand runs a few at a time, apart from those of the API."""

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from core import leases
from core.costly_views import owner_of, release_with
from core.errors import TooManyConcurrentRequests

Page = Callable[..., HttpResponseBase]


def limit_concurrency(operation: str, *, methods: Collection[str] = ("GET", "HEAD", "POST")) -> Callable[[Page], Page]:
    """Return a decorator that limits how many requests to a page, by these methods, run at once for a brand."""

    def decorate(page: Page) -> Page:
        @wraps(page)
        def wrapped(*args: Any, **kwargs: Any) -> HttpResponseBase:
            request = next(value for value in args if isinstance(value, HttpRequest))
            if request.method not in methods:
                return page(*args, **kwargs)
            try:
                lease = leases.acquire(operation, f"admin {owner_of(request)}")
            except TooManyConcurrentRequests as error:
                return _render_error(request, error)
            response = page(*args, **kwargs)
            release_with(response, lease)
            return response

        wrapped.costly_operation = operation  # type: ignore[attr-defined]  # read by tests
        return wrapped

    return decorate


def _render_error(request: HttpRequest, error: TooManyConcurrentRequests) -> HttpResponseBase:
    context = admin.site.each_context(request) | {"title": _("Too many requests at once"), "detail": error.detail}
    template = "admin/backoffice/too_many_requests.html"
    return TemplateResponse(request, template, context, status=error.status, headers=dict(error.headers))
