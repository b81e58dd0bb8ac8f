"""Creation of objects of one brand, with a page on which users with several brands select one."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Brand
from backoffice.base.admin import list_brand_ids
from core.permissions import BrandPermissions


def force_render(response: HttpResponse) -> HttpResponse:
    """Render the response at once, while the brand's time zone is active, and return it."""
    if isinstance(response, TemplateResponse):
        response.render()
    return response


def list_selectable_brands(request: HttpRequest, permissions: BrandPermissions) -> QuerySet[Brand]:
    """Return the active brands in which the user has the permissions, ordered by name."""
    brand_ids = list_brand_ids(request, permissions)
    brands = Brand.objects.filter(is_active=True).order_by("name")
    return brands if brand_ids is None else brands.filter(pk__in=brand_ids)


def select_brand(request: HttpRequest, permissions: BrandPermissions) -> Brand | None:
    """Return the brand that the URL names, or the user's only one; None if the user has to select one.

    Raises Http404 for a brand in which the user lacks the permissions.
    """
    brands = list_selectable_brands(request, permissions)
    if slug := request.GET.get("brand"):
        brand = brands.filter(slug=slug).first()
        if brand is None:
            raise Http404
        return brand
    first_two = list(brands[:2])
    return first_two[0] if len(first_two) == 1 else None


def render_brand_selection(
    request: HttpRequest, permissions: BrandPermissions, context: Mapping[str, Any]
) -> HttpResponse:
    """Return the page on which the user selects a brand."""
    brands = list_selectable_brands(request, permissions)[:500]
    return TemplateResponse(
        request, "admin/choose_brand.html", {"title": _("Select a brand"), "brands": brands, **context}
    )


class BrandSelectionMixin:
    """Mixin of an admin page whose objects belong to one brand."""

    def selected_brand(self, request: HttpRequest) -> Brand | None:
        """Return the brand for which the user adds an object; None if the user has to select one. Raises Http404."""
        return select_brand(request, BrandPermissions.EDIT)

    def brand_selection_page(self, request: HttpRequest) -> HttpResponse:
        """Return the page on which the user selects a brand."""
        context = {**self.admin_site.each_context(request), "opts": self.opts}  # type: ignore[attr-defined]
        return render_brand_selection(request, BrandPermissions.EDIT, context)


class BrandCreateMixin(BrandSelectionMixin):
    """Mixin of an admin page whose ``creation_form`` takes ``brand`` and ``by`` and creates its object by a service."""

    creation_form: ClassVar["type[forms.ModelForm[Any]]"]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        brand = self.selected_brand(request)
        if brand is None:
            return self.brand_selection_page(request)
        request.brand = brand  # type: ignore[attr-defined]
        with timezone.override(brand.timezone):
            title = _("New %(name)s") % {"name": self.opts.verbose_name}  # type: ignore[attr-defined]
            context = {"title": title, **(extra_context or {})}
            response: HttpResponse = super().add_view(request, form_url, context)  # type: ignore[misc]
            return force_render(response)

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]
        brand, by = getattr(request, "brand", None), request.user.pk

        class BrandForm(self.creation_form):  # type: ignore[name-defined]
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, brand=brand, by=by, **options)

        return BrandForm
