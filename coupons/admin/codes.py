"""The admin's pages of a coupon's codes that are good once each: made, watched and exported."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from backoffice.base.csv_export import csv_response
from backoffice.base.formatting import format_datetime, get_percentage
from core.errors import DomainError, NotFound
from core.permissions import BrandPermissions
from coupons import selectors, services
from coupons.models import CouponDefinition
from promotions.admin.batch_forms import GenerateCodesForm
from promotions.models import CodeBatch

if TYPE_CHECKING:
    from coupons.admin.coupons import CouponAdmin

SHOWN = 100  # batches or codes on one page


class CodeViews:
    """The pages below ``…/<coupon>/codes/``; ``admin`` says who may see and change the coupon."""

    def __init__(self, admin: "CouponAdmin") -> None:
        self.admin = admin

    def urls(self, wrap: Callable[..., Any]) -> list[URLPattern]:
        base, name = "<uuid:pk>/codes/", "coupons_codes"
        return [
            path(base, wrap(self.list_batches), name=name),
            path(f"{base}guess/", wrap(require_POST(self.strength)), name=f"{name}_guess"),
            path(f"{base}<uuid:batch>/", wrap(require_safe(self.detail)), name=f"{name}_batch"),
            path(f"{base}<uuid:batch>/progress/", wrap(require_safe(self.progress)), name=f"{name}_progress"),
            path(f"{base}<uuid:batch>/codes.csv", wrap(require_safe(self.export)), name=f"{name}_export"),
        ]

    def _batch(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> tuple[CouponDefinition, CodeBatch]:
        coupon = self.admin.get_coupon_or_404(request, pk)
        try:
            return coupon, selectors.get_batch(pk=batch, coupon=coupon)
        except NotFound as error:
            raise Http404 from error

    def list_batches(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """The coupon's batches, and the form that orders one."""
        coupon = self.admin.get_coupon_or_404(request, pk)
        may_edit, make = (
            self.admin.has_brand_permission(request, BrandPermissions.EDIT, coupon),
            GenerateCodesForm(request.POST or None),
        )
        if request.method == "POST":
            if not may_edit:
                raise PermissionDenied
            if make.is_valid() and (made := self._generate(coupon, make)):
                return redirect("admin:coupons_codes_batch", coupon.pk, made.pk)
        first = (
            make if make.is_bound else GenerateCodesForm({name: field.initial for name, field in make.fields.items()})
        )
        shown = {
            "title": f"Codes of {coupon}", "coupon": coupon, "may_edit": may_edit, "make": make,
            "rows": [_row(coupon, batch) for batch in selectors.list_batches(coupon=coupon)[:SHOWN]],
            "guess": first.describe_strength(coupon.brand_id),
        }  # fmt: skip
        return self._page(request, "admin/coupons/codes.html", shown)

    def _generate(self, coupon: CouponDefinition, form: GenerateCodesForm) -> CodeBatch | None:
        try:
            return services.add_codes(coupon=coupon, codes=services.CodesSpec(**form.cleaned_data))
        except DomainError as refusal:
            form.add_service_errors(refusal)
            return None

    def strength(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """How hard codes of the pattern are to guess, while it is being written."""
        strength = GenerateCodesForm(request.POST).describe_strength(
            self.admin.get_coupon_or_404(request, pk, edit=True).brand_id
        )
        return TemplateResponse(request, "admin/codes/strength.html", {"guess": strength})

    def detail(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """A batch: how far it is, and its codes."""
        coupon, found = self._batch(request, pk, batch)
        after = request.GET.get("after", "")[:64]
        codes = selectors.list_batch_codes(batch=found, after=after, at=timezone.now(), limit=SHOWN)
        shown = {
            "title": f"Codes of {coupon}", "codes": codes, "after": after,
            "more": codes[-1][0] if len(codes) == SHOWN else "",
        }  # fmt: skip
        return self._page(request, "admin/coupons/codes_batch.html", shown | _progress(coupon, found))

    def progress(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """The bar alone, as the page asks for it every other second; the whole page once all are made."""
        coupon, found = self._batch(request, pk, batch)
        response = TemplateResponse(request, "admin/coupons/codes_progress.html", _progress(coupon, found))
        if found.is_generated:
            response["HX-Refresh"] = "true"
        return response

    def export(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> StreamingHttpResponse:
        """Every code of the batch so far, and whether it is used."""
        _, found = self._batch(request, pk, batch)
        rows = selectors.iter_batch_codes(batch=found, at=timezone.now())
        return csv_response(f"codes-{found.pk}.csv", ("code", "state"), rows, marked=False)

    def _page(self, request: HttpRequest, template: str, shown: dict[str, Any]) -> HttpResponse:
        context = self.admin.admin_site.each_context(request) | {"opts": self.admin.opts} | shown
        return TemplateResponse(request, template, context)


def _row(coupon: CouponDefinition, batch: CodeBatch) -> dict[str, Any]:
    return {
        "url": reverse("admin:coupons_codes_batch", args=[coupon.pk, batch.pk]),
        "name": batch.pattern,
        "count": f"{batch.count:,}",
        "state": ("made", "success")
        if batch.is_generated
        else (f"{get_percentage(batch.generated_count, batch.count)} % made", "info"),
        "created": format_datetime(batch.created_at, coupon.brand.timezone),
    }


def _progress(coupon: CouponDefinition, batch: CodeBatch) -> dict[str, Any]:
    return {"coupon": coupon, "batch": batch, "percent": get_percentage(batch.generated_count, batch.count)}
