"""Admin page of the attributes that brands declare for their carts."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from backoffice.base.admin import BrandScopedAdmin
from promotions.models import Attribute


@admin.register(Attribute)
class AttributeAdmin(BrandScopedAdmin):
    """The attributes of carts, lines and customers. Only the description of an attribute can change."""

    list_display = ("name", "type", "description", "brand")
    list_filter = ("type", ("brand", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("brand",)
    search_fields = ("name", "description")
    fields = ("brand", "name", "type", "description")
    fixed_fields: ClassVar[tuple[str, ...]] = ("brand", "name", "type")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return () if obj is None else self.fixed_fields
