"""The admin's ground: who sees which rows is decided by their rights in brands, and big tables open at once."""

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import Field, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.admin import ModelAdmin, TabularInline

from core.errors import DomainError
from core.permissions import BrandPermissions, permission_provider


def list_brand_ids(request: HttpRequest, rights: BrandPermissions) -> list[Any] | None:
    """The primary keys of the brands in which the user has these rights; None for all (superusers)."""
    user: Any = request.user
    if not user.is_active:
        return []
    if user.is_superuser:
        return None
    return [brand for brand, has in permission_provider(user).items() if has >= rights]


class BrandScopedMixin:
    """Rows, choices and permissions by rights in brands. Superusers may all; viewers read.

    ``brand_path`` leads from the row to its brand (``rule__brand``; ``pk`` when the row is the brand).
    """

    brand_path: ClassVar[str] = "brand"
    needs_to_view: ClassVar[BrandPermissions] = BrandPermissions.READ
    needs_to_change: ClassVar[BrandPermissions] = BrandPermissions.EDIT

    def filter_queryset(self, rows: QuerySet[Any], request: HttpRequest, rights: BrandPermissions) -> QuerySet[Any]:
        """The rows of brands in which the user has these rights."""
        brands = list_brand_ids(request, rights)
        return rows if brands is None else rows.filter(**{f"{self.brand_path}__in": brands})

    def has_brand_permission(self, request: HttpRequest, rights: BrandPermissions, obj: Model | None = None) -> bool:
        """Whether the user has these rights in the object's brand, or in any when there is no object."""
        brands = list_brand_ids(request, rights)
        if brands is None:
            return True
        return bool(brands) if obj is None else self.brand_of(obj) in brands

    def brand_of(self, obj: Model) -> Any:
        """The primary key of the object's brand."""
        *way, last = self.brand_path.split("__")
        value: Any = obj
        for name in way:
            value = getattr(value, name, None)
        return getattr(value, last if last == "pk" else f"{last}_id", None)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.filter_queryset(super().get_queryset(request), request, self.needs_to_view)  # type: ignore[misc]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_brand_permission(request, self.needs_to_view)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_brand_permission(request, self.needs_to_view, obj)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_brand_permission(request, self.needs_to_change)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_brand_permission(request, self.needs_to_change, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_brand_permission(request, self.needs_to_change, obj)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **self._choices(db_field, request), **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **self._choices(db_field, request), **kwargs)  # type: ignore[misc]

    def _choices(self, db_field: "Field[Any, Any]", request: HttpRequest) -> dict[str, QuerySet[Any]]:
        """Only rows of brands in which the user may write, when the other model's admin is scoped too."""
        related: Any = db_field.remote_field.model  # type: ignore[union-attr]
        other = self.admin_site._registry.get(related)  # type: ignore[attr-defined]  # noqa: SLF001
        rows = related._default_manager.all()  # noqa: SLF001
        if not isinstance(other, BrandScopedMixin):
            return {}
        return {"queryset": other.filter_queryset(rows, request, self.needs_to_change)}


class ServiceErrorAdmin(ModelAdmin):
    """Tells a refusal as a message on the page, after everything was undone, where Django would answer an error."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST":
            self._drop_invalid_parameters(request)
        return self._add_error_message(request, request.get_full_path(), super().changeform_view, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._add_error_message(request, request.get_full_path(), super().delete_view, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST":
            self._drop_invalid_parameters(request)
        return self._add_error_message(request, request.get_full_path(), super().changelist_view, *args, **kwargs)

    def _drop_invalid_parameters(self, request: HttpRequest) -> None:
        """Leave out what can be the key of no row, of an action or a field with a search, and a button that no page
        has; Django would answer them as a server error.
        """
        data: Any = request.POST.copy()
        data.pop("_saveasnew", None)
        keys = {name: self.opts.get_field(name).target_field for name in self.autocomplete_fields}
        for name, key in (keys | {ACTION_CHECKBOX_NAME: self.opts.pk}).items():
            data.setlist(name, [text for text in data.getlist(name) if _is_key(key, text)])
        request.POST = data

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What a tracked object went through stands in the audit log."""
        if not hasattr(self.model, "pgh_event_models"):
            page: HttpResponse = super().history_view(request, object_id, extra_context)
            return page
        found = self.get_object(request, object_id)
        if found is None or not self.has_view_permission(request, found):
            raise Http404
        return redirect(f"{reverse('audit')}?kind={self.opts.label_lower}&object={found.pk}")

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        raise Http404  # another brand's object is not there

    def _add_error_message(
        self, request: HttpRequest, back: str, view: Callable[..., HttpResponse], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        try:
            with transaction.atomic():
                return view(request, *args, **kwargs)
        except DomainError as refusal:
            for text in [fault["detail"] for fault in refusal.errors or []] or [refusal.detail]:
                messages.error(request, text)
            return redirect(back)


def _is_key(field: Any, text: str) -> bool:
    try:
        field.to_python(text)
    except ValidationError:
        return False
    return "\0" not in text


class BrandScopedAdmin(BrandScopedMixin, ServiceErrorAdmin):
    """The base of every admin page of a brand's objects."""

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if not self.has_brand_permission(
            request, self.needs_to_change, obj if change or self.brand_path != "pk" else None
        ):
            raise PermissionDenied
        super().save_model(request, obj, form, change)


class BrandScopedInline(BrandScopedMixin, TabularInline):
    """Rows inside their parent's page; ``brand_path`` leads from the parent, of whom Django asks inlines."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = TabularInline.get_queryset(self, request)
        return rows


class SuperuserAdmin(ServiceErrorAdmin):
    """A page for platform admins alone."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._superuser(request)

    def _superuser(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of a table of any size.

    The whole table is counted by the planner's estimate, a search up to ``CAP``; no page lies deeper than ``DEEPEST``.
    """

    EXACT_COUNT_LIMIT = 10_000
    MAX_PAGES = 1_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if rows.query.where:
            return len(rows.order_by().values_list("pk")[: self.EXACT_COUNT_LIMIT])
        table = rows.model._meta.db_table  # noqa: SLF001
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
            estimate = cursor.fetchone()[0]
        return (
            int(estimate)
            if estimate > self.EXACT_COUNT_LIMIT
            else len(rows.order_by().values_list("pk")[: self.EXACT_COUNT_LIMIT])
        )

    @cached_property
    def num_pages(self) -> int:
        return max(1, min(self.MAX_PAGES, math.ceil(self.count / self.per_page)))


class ReadOnlyAdminMixin(BrandScopedAdmin):
    """Rows that the platform makes, not people."""

    show_full_result_count = False
    paginator = EstimatingPaginator
    list_per_page = 50
    actions = None

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
