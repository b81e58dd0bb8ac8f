"""Adding objects of one brand: whoever works for several says first for which."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.models import Brand
from backoffice.base.admin import list_brand_ids
from core.permissions import BrandPermissions


def force_render(response: HttpResponse) -> HttpResponse:
    """The response, written now: while the brand's time zone is the active one."""
    if isinstance(response, TemplateResponse):
        response.render()
    return response


class BrandSelectionMixin:
    """For an admin whose objects are made for one brand."""

    def creatable_brands(self, request: HttpRequest) -> QuerySet[Brand]:
        """Where the user may make something."""
        brands = list_brand_ids(request, BrandPermissions.EDIT)
        rows = Brand.objects.filter(is_active=True).order_by("name")
        return rows if brands is None else rows.filter(pk__in=brands)

    def selected_brand(self, request: HttpRequest) -> Brand | None:
        """The brand that the address names, or the only one; None when the user has still to say. Raises Http404."""
        brands = self.creatable_brands(request)
        if slug := request.GET.get("brand"):
            found = brands.filter(slug=slug).first()
            if found is None:
                raise Http404
            return found
        some = list(brands[:2])
        return some[0] if len(some) == 1 else None

    def brand_selection_page(self, request: HttpRequest) -> HttpResponse:
        """The page on which the brand is said."""
        name = self.opts.verbose_name  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": f"New {name}: for which brand?",
            "brands": self.creatable_brands(request)[:500],
            "opts": self.opts,  # type: ignore[attr-defined]
        }
        return TemplateResponse(request, "admin/choose_brand.html", context)


class BrandCreateMixin(BrandSelectionMixin):
    """For an admin whose add form (``made_with``) takes ``brand`` and ``by`` and calls a service to make its object."""

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
            context = {"title": f"New {self.opts.verbose_name} for {brand}", **(extra_context or {})}  # type: ignore[attr-defined]
            response: HttpResponse = super().add_view(request, form_url, context)  # type: ignore[misc]
            return force_render(response)

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]
        brand, by = getattr(request, "brand", None), request.user.pk

        class ForThisBrand(self.creation_form):  # type: ignore[name-defined]
            def __init__(self, *args: Any, **more: Any) -> None:
                super().__init__(*args, brand=brand, by=by, **more)

        return ForThisBrand
