"""Filters of the admin's lists: by brand and by status."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.base.admin import list_brand_ids
from core.permissions import BrandPermissions


class BrandFilter(admin.SimpleListFilter):
    """A filter by brand, for users with several brands."""

    title, parameter_name = _("brand"), "brand"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        related: Any = model_admin.model._meta.get_field("brand").related_model  # noqa: SLF001
        brand_ids, rows = list_brand_ids(request, BrandPermissions.READ), related.objects.order_by("name")
        brands = list(rows if brand_ids is None else rows.filter(pk__in=brand_ids))
        return [(brand.slug, brand.name) for brand in brands] if len(brands) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(brand__slug=self.value()) if self.value() else queryset


class StatusFilter(admin.SimpleListFilter):
    """A filter by status.

    Subclasses set ``statuses``, and override ``get_condition`` if the status is not a field.
    """

    title, parameter_name = _("status"), "status"
    statuses: ClassVar[Sequence[tuple[str, str | Promise]]]
    field_name: ClassVar[str] = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, str(label)) for value, label in self.statuses]

    def get_condition(self, status: str, at: datetime) -> Q:
        """Return the condition that rows of the status satisfy."""
        return Q(**{self.field_name: status})

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        status = self.value()
        if status is None or status not in dict(self.statuses):
            return queryset
        return queryset.filter(self.get_condition(status, timezone.now()))
