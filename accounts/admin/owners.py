"""Base class of the admin pages for brand owners."""

from typing import Any

from django.contrib import admin

from backoffice.base.admin import BrandScopedAdmin
from core.permissions import BrandPermissions


class BrandOwnerAdmin(BrandScopedAdmin):
    """Admin of objects that only a brand's owners can see and change."""

    needs_to_view = needs_to_change = BrandPermissions.OWN
    list_filter: Any = (("brand", admin.RelatedOnlyFieldListFilter),)
    list_select_related: Any = True
    ordering = ("-pk",)
