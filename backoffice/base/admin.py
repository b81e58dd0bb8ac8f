"""Base classes of the admin: permissions by brand, service errors as messages, and read-only pages."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Field, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from unfold.admin import ModelAdmin, TabularInline

from backoffice.base.changelists import EstimatingPaginator
from backoffice.base.form_fields import check_characters
from core.errors import DomainError
from core.permissions import BrandPermissions, permission_provider


def is_platform_admin(request: HttpRequest) -> bool:
    """Return whether the user may do everything: an active superuser, with a second factor where it is required."""
    return bool(request.user.is_active and getattr(request.user, "is_platform_admin", False))


def list_brand_ids(request: HttpRequest, permissions: BrandPermissions) -> list[Any] | None:
    """Return the primary keys of the brands in which the user has the permissions; None for all (superusers)."""
    user: Any = request.user
    if not user.is_active:
        return []
    if is_platform_admin(request):
        return None
    return [brand_id for brand_id, granted in permission_provider(user).items() if granted >= permissions]


def has_multiple_brands(request: HttpRequest) -> bool:
    """Return whether the user sees several brands, so that lists have to name the brand of each row."""
    brand_ids = list_brand_ids(request, BrandPermissions.READ)
    return brand_ids is None or len(brand_ids) > 1


class BrandScopedMixin:
    """Rows, choices and permissions by the user's role in each brand; superusers have all of them.

    ``brand_path`` is the lookup from a row to its brand (``rule__brand``; ``pk`` when the row is the brand).
    """

    brand_path: ClassVar[str] = "brand"
    needs_to_view: ClassVar[BrandPermissions] = BrandPermissions.READ
    needs_to_change: ClassVar[BrandPermissions] = BrandPermissions.EDIT

    def filter_queryset(
        self, rows: QuerySet[Any], request: HttpRequest, permissions: BrandPermissions
    ) -> QuerySet[Any]:
        """Return the rows of brands in which the user has the permissions."""
        brand_ids = list_brand_ids(request, permissions)
        return rows if brand_ids is None else rows.filter(**{f"{self.brand_path}__in": brand_ids})

    def has_brand_permission(
        self, request: HttpRequest, permissions: BrandPermissions, obj: Model | None = None
    ) -> bool:
        """Return whether the user has the permissions in the object's brand, or in any brand without an object."""
        brand_ids = list_brand_ids(request, permissions)
        if brand_ids is None:
            return True
        return bool(brand_ids) if obj is None else self.brand_of(obj) in brand_ids

    def brand_of(self, obj: Model) -> Any:
        """Return the primary key of the object's brand."""
        *relations, last = self.brand_path.split("__")
        value: Any = obj
        for name in relations:
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
        if db_field.name == self.brand_path:
            brand_ids = list_brand_ids(request, self.needs_to_change)
            if brand_ids is not None and len(brand_ids) == 1:
                kwargs.setdefault("initial", brand_ids[0])  # there is no other choice
        return super().formfield_for_foreignkey(db_field, request, **self._choices(db_field, request), **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **self._choices(db_field, request), **kwargs)  # type: ignore[misc]

    def _choices(self, db_field: "Field[Any, Any]", request: HttpRequest) -> dict[str, QuerySet[Any]]:
        """Return the rows of brands in which the user may write, if the other model's admin is scoped by brand, too."""
        related: Any = db_field.remote_field.model  # type: ignore[union-attr]
        other = self.admin_site._registry.get(related)  # type: ignore[attr-defined]  # noqa: SLF001
        rows = related._default_manager.all()  # noqa: SLF001
        if not isinstance(other, BrandScopedMixin):
            return {}
        return {"queryset": other.filter_queryset(rows, request, self.needs_to_change)}


class TextFieldsMixin:
    """Texts that are shown to people as they read."""

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        return check_characters(field) if isinstance(field, forms.CharField) else field


class ServiceErrorAdmin(TextFieldsMixin, ModelAdmin):
    """An admin page that shows a domain error as a message, after a rollback, instead of a server error."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method == "POST":
            self._drop_invalid_parameters(request)
        context: dict[str, Any] = {"show_history": self.has_history(request)}
        if object_id is None:
            context["title"] = gettext("New %(name)s") % {"name": self.opts.verbose_name}
        context |= extra_context or {}
        view = super().changeform_view
        return self._add_error_message(request, request.get_full_path(), view, object_id, form_url, context)

    def has_history(self, request: HttpRequest) -> bool:
        """Return whether changes of the objects are recorded: in the audit log, or by the admin that makes them."""
        return hasattr(self.model, "pgh_event_models") or self.has_change_permission(request)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._add_error_message(request, request.get_full_path(), super().delete_view, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST":
            self._drop_invalid_parameters(request)
        return self._add_error_message(request, request.get_full_path(), super().changelist_view, *args, **kwargs)

    def _drop_invalid_parameters(self, request: HttpRequest) -> None:
        """Remove invalid primary keys and the button *Save as new* from the form data.

        Django would answer a server error for them.
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
        """Redirect to the audit log, which has the history of tracked objects."""
        if not hasattr(self.model, "pgh_event_models"):
            page: HttpResponse = super().history_view(request, object_id, extra_context)
            return page
        obj = self.get_object(request, object_id)
        if obj is None or not self.has_view_permission(request, obj):
            raise Http404
        return redirect(f"{reverse('audit')}?kind={self.opts.label_lower}&object={obj.pk}")

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        raise Http404  # the same answer as for another brand's object

    def _add_error_message(
        self, request: HttpRequest, back: str, view: Callable[..., HttpResponse], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        try:
            with transaction.atomic():
                return view(request, *args, **kwargs)
        except DomainError as error:
            for text in [field_error["detail"] for field_error in error.errors or []] or [error.detail]:
                messages.error(request, text)
            return redirect(back)


def _is_key(field: Any, text: str) -> bool:
    try:
        field.to_python(text)
    except ValidationError:
        return False
    return "\0" not in text


class BrandScopedAdmin(BrandScopedMixin, ServiceErrorAdmin):
    """The base of the admin pages of a brand's objects."""

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if not self.has_brand_permission(
            request, self.needs_to_change, obj if change or self.brand_path != "pk" else None
        ):
            raise PermissionDenied
        super().save_model(request, obj, form, change)


class BrandScopedInline(BrandScopedMixin, TextFieldsMixin, TabularInline):
    """Rows within their parent's page; ``brand_path`` starts at the parent, for which Django checks permissions."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = TabularInline.get_queryset(self, request)
        return rows


class SuperuserAdmin(ServiceErrorAdmin):
    """An admin page for superusers, who may view, add, change and delete its rows."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_platform_admin(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_platform_admin(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_platform_admin(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_platform_admin(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_platform_admin(request)


class SuperuserReadOnlyAdmin(SuperuserAdmin):
    """An admin page for superusers of rows that the platform writes: they may view them only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdminMixin(BrandScopedAdmin):
    """An admin page of a brand's rows that the platform writes: users may view them only."""

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
