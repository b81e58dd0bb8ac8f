"""The page on which a brand has audiences computed from purchases, or stops it: each type in words, with a button."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.models import Brand
from backoffice.base.admin import list_brand_ids
from backoffice.base.formatting import EMPTY_VALUE, format_datetime
from core.permissions import BrandPermissions
from segments import services
from segments.contracts import AUTOMATIC_SEGMENT_TYPES, Source
from segments.models import Audience

MAX_BRANDS = 500  # brands to choose from


def page(request: HttpRequest) -> HttpResponse:
    """``/admin/segments/audience/computed/?brand=billo``: whoever reads the brand's audiences sees it."""
    mine = list_brand_ids(request, BrandPermissions.READ)
    if mine == []:
        raise PermissionDenied
    rows = Brand.objects.filter(is_active=True).order_by("name")
    rows = rows if mine is None else rows.filter(pk__in=mine)
    slug = request.GET.get("brand", "")
    brands = list((rows.filter(slug=slug) if slug else rows)[:MAX_BRANDS])
    if not brands:
        raise Http404
    context = admin.site.each_context(request) | {"opts": Audience._meta}  # noqa: SLF001
    if len(brands) > 1:
        context |= {"title": "Computed audiences: of which brand?", "brands": brands}
        return TemplateResponse(request, "admin/choose_brand.html", context)
    return _of_brand(request, brands[0], context)


def _of_brand(request: HttpRequest, brand: Brand, context: dict[str, Any]) -> HttpResponse:
    editable = list_brand_ids(request, BrandPermissions.EDIT)
    may_edit = editable is None or brand.pk in editable
    if request.method == "POST":
        if not may_edit:
            raise PermissionDenied
        return _change(request, brand)
    known = {
        it.segment_type: it for it in Audience.objects.filter(brand=brand, segment_type__in=AUTOMATIC_SEGMENT_TYPES)
    }
    return TemplateResponse(
        request, "admin/segments/automatic_audiences.html",
        context | {
            "title": f"Computed audiences of {brand}", "brand": brand, "may_edit": may_edit,
            "types": [_described(name, known.get(name), brand) for name in AUTOMATIC_SEGMENT_TYPES],
        },
    )  # fmt: skip


def _change(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Have a type computed, or stop it."""
    segment_type = request.POST.get("segment_type", "")
    if segment_type not in AUTOMATIC_SEGMENT_TYPES:
        raise Http404
    name = segment_type.replace("_", " ")
    if request.POST.get("do") == "compute":
        services.enable(brand=brand, segment_type=segment_type)
        messages.success(request, f"The audience {name} is computed from now on; it is counted within a minute.")
    else:
        services.disable(brand=brand, segment_type=segment_type)
        messages.success(request, f"The audience {name} is no longer computed; its customers stay for now.")
    return redirect(f"{reverse('admin:segments_computed')}?brand={brand.slug}")


def _described(name: str, audience: Audience | None, brand: Brand) -> dict[str, Any]:
    """A type as the page shows it."""
    computed = audience is not None and audience.source == Source.AUTOMATIC
    if audience is None:
        state, size = ("not there yet", "info"), EMPTY_VALUE
    elif not computed:
        state, size = ("sent", "info"), f"{audience.size:,}"
    else:
        state = ("computed", "success") if audience.counted_at else ("being counted", "warning")
        size = f"{audience.size:,}"
    return {
        "type": name, "name": name.replace("_", " "), "words": AUTOMATIC_SEGMENT_TYPES[name], "computed": computed, "state": state,
        "size": size, "updated": format_datetime(audience.updated_at if audience else None, brand.timezone),
    }  # fmt: skip
