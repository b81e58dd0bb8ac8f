"""Base class of the admin pages for brand owners."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.adapters import redirect_unless_fresh
from backoffice.base.admin import BrandScopedAdmin
from core.permissions import BrandPermissions


class BrandOwnerAdmin(BrandScopedAdmin):
    """Admin of objects that only a brand's owners can see and change."""

    needs_to_view = needs_to_change = BrandPermissions.OWN
    list_filter: Any = (("brand", admin.RelatedOnlyFieldListFilter),)
    list_select_related: Any = True
    ordering = ("-pk",)

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """Show the form of an object, to change it only after a fresh sign-in."""
        changes = object_id is None or self.has_change_permission(request)
        return (redirect_unless_fresh(request) if changes else None) or super().changeform_view(
            request, object_id, *args, **kwargs
        )

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return redirect_unless_fresh(request) or super().delete_view(request, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """List the objects. Actions need a fresh sign-in."""
        is_action = request.method == "POST"
        return (redirect_unless_fresh(request) if is_action else None) or super().changelist_view(
            request, *args, **kwargs
        )
