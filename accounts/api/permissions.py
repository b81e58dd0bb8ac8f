"""What API keys may do: the one place that checks their scopes."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.contracts import Caller
from core.errors import PermissionDenied


class HasKeyScope(BasePermission):
    """Require of an API key one of the scopes that the view lists for the method. Users have roles instead.

    Without a list, the endpoint is for people. The answer doesn't depend on the object, so it reveals nothing of it.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raise PermissionDenied, with the scopes that would be enough, if the key has none of them."""
        caller = request.auth
        if not isinstance(caller, Caller) or caller.api_key_id is None or request.method == "OPTIONS":
            return True
        method = "get" if request.method == "HEAD" else (request.method or "").lower()
        if not hasattr(view, method):
            return True  # which is answered by 405
        enough = getattr(view, "key_scopes", {}).get(method, ())
        if caller.scopes.intersection(enough):
            return True
        if not enough:
            raise PermissionDenied(_("API keys can't use this endpoint. Sign in as a user."))
        scopes = ", ".join(sorted(enough))
        raise PermissionDenied(_("This needs an API key with one of these scopes: %(scopes)s.") % {"scopes": scopes})
