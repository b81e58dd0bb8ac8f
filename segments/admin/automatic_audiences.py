"""Admin page on which a brand enables and disables its automatic audiences."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Brand
from backoffice.base.admin import list_brand_ids
from backoffice.base.formatting import EMPTY_VALUE, format_datetime, format_number
from backoffice.brand_selection import render_brand_selection, select_brand
from core.permissions import BrandPermissions
from segments import selectors, services
from segments.contracts import AUTOMATIC_SEGMENT_TYPES, Source
from segments.models import Audience

DEFINITIONS = {
    "purchased_more_than_twice": gettext_lazy("Customers with three or more purchases"),
    "purchase_above_100": gettext_lazy("Customers with a purchase of more than 100 in the brand's currency"),
    "new_users": gettext_lazy("Customers whose first purchase was less than 30 days ago"),
    "lapsed_users": gettext_lazy("Customers whose last purchase was 90 or more days ago"),
}


def automatic_audiences_view(request: HttpRequest) -> HttpResponse:
    """Show the automatic audiences of a brand (``?brand=billo``), and enable or disable one on POST.

    Asks for the brand if the user can read several.
    """
    if list_brand_ids(request, BrandPermissions.READ) == []:
        raise PermissionDenied
    context = admin.site.each_context(request) | {"opts": Audience._meta}  # noqa: SLF001
    brand = select_brand(request, BrandPermissions.READ)
    if brand is None:
        return render_brand_selection(request, BrandPermissions.READ, context)
    return _brand_page(request, brand, context)


def _brand_page(request: HttpRequest, brand: Brand, context: dict[str, Any]) -> HttpResponse:
    editable = list_brand_ids(request, BrandPermissions.EDIT)
    may_edit = editable is None or brand.pk in editable
    if request.method == "POST":
        if not may_edit:
            raise PermissionDenied
        return _change(request, brand)
    audiences = selectors.get_audiences_by_type(brand_id=brand.pk, segment_types=AUTOMATIC_SEGMENT_TYPES)
    return TemplateResponse(
        request, "admin/segments/automatic_audiences.html",
        context | {
            "title": _("Automatic audiences"), "brand": brand, "may_edit": may_edit,
            "types": [_build_row(name, audiences.get(name), brand) for name in AUTOMATIC_SEGMENT_TYPES],
        },
    )  # fmt: skip


def _change(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Enable or disable an automatic audience."""
    segment_type = request.POST.get("segment_type", "")
    if segment_type not in AUTOMATIC_SEGMENT_TYPES:
        raise Http404
    name = segment_type.replace("_", " ")
    if request.POST.get("action") == "enable":
        services.enable(brand=brand, segment_type=segment_type)
        text = _("The audience %(name)s is now automatic. The first count takes up to a minute.")
    else:
        services.disable(brand=brand, segment_type=segment_type)
        text = _("The audience %(name)s is no longer automatic. Its customers are kept.")
    messages.success(request, text % {"name": name})
    return redirect(f"{reverse('admin:segments_automatic_audiences')}?brand={brand.slug}")


def _build_row(name: str, audience: Audience | None, brand: Brand) -> dict[str, Any]:
    """Return the table row of a segment type."""
    is_automatic = audience is not None and audience.source == Source.AUTOMATIC
    if audience is None:
        status, size = (_("Not enabled"), "info"), EMPTY_VALUE
    else:
        size = format_number(audience.size)
        if is_automatic and not audience.counted_at:
            status = (_("Counting"), "warning")
        else:
            status = (audience.get_source_display(), "success" if is_automatic else "info")
    return {
        "type": name, "name": name.replace("_", " "), "definition": DEFINITIONS[name], "is_automatic": is_automatic,
        "status": status, "size": size,
        "updated": format_datetime(audience.updated_at if audience else None, brand.timezone),
    }  # fmt: skip
