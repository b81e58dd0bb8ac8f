"""Views of costly operations, of which each brand runs a few at a time.

A view declares ``costly``; a page of the admin is decorated with ``backoffice.base.costly_pages.limit_concurrency``.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import views
from rest_framework.request import Request

from core import leases
from core.permissions import permission_provider
from core.throttle import client_network

CostlyMethods = Mapping[str, str]
"""Operations, keys of ``settings.CONCURRENCY_LIMITS``, by method, such as ``{"get": "export"}``."""


class CostlyView(views.APIView):
    """A view whose ``costly`` methods run a few at a time for each brand (``leases``)."""

    costly: ClassVar[CostlyMethods] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the request, then take a lease if its method is costly."""
        super().initial(request, *args, **kwargs)
        operation = self.costly.get("get" if request.method == "HEAD" else (request.method or "").lower())
        if operation:
            self.lease = leases.acquire(operation, self.get_lease_owner(request))

    def get_lease_owner(self, request: Request) -> str:
        """Return who a request counts for."""
        return owner_of(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the response, with whose end the lease ends."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if lease := getattr(self, "lease", None):
            release_with(response, lease)
        return response


def release_with(response: HttpResponseBase, lease: leases.Lease) -> None:
    """Release a lease when the response was sent, or the client went away."""
    response._resource_closers.append(lease.release)  # type: ignore[attr-defined]  # noqa: SLF001  (of streams, too)


def owner_of(request: HttpRequest | Request) -> str:
    """Return who a request counts for: the brand of the key, the only brand of a person, or else the caller."""
    auth: Any = getattr(request, "auth", None)
    brand_id = getattr(auth, "brand_id", None)
    if brand_id is not None:
        return f"brand:{brand_id}"
    user: Any = request.user
    if user is None or not user.is_authenticated:
        return f"address:{client_network(request)}"
    if user.pk is not None and len(brands := list(permission_provider(user))) == 1:
        return f"brand:{brands[0]}"
    return str(getattr(auth, "identity", None) or f"user:{user.pk}")
