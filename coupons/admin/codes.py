"""Admin pages of a coupon's single-use codes: generation, progress and export."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from backoffice.base.csv_export import csv_response
from backoffice.base.formatting import format_datetime, format_number, get_percentage
from core.errors import DomainError, NotFound
from core.permissions import BrandPermissions
from coupons import services
from coupons.models import CouponDefinition
from promotions.admin.batch_forms import GenerateCodesForm
from redemptions.codes.models import CodeBatch
from redemptions.codes.selectors.batches import get_batch, iter_batch_codes, list_batch_codes, list_batches

if TYPE_CHECKING:
    from coupons.admin.coupons import CouponAdmin

PAGE_SIZE = 100  # batches or codes per page


class CodeViews:
    """Views below ``…/<coupon>/codes/``; ``admin`` checks the permissions for the coupon."""

    def __init__(self, admin: "CouponAdmin") -> None:
        self.admin = admin

    def urls(self, wrap: Callable[..., Any]) -> list[URLPattern]:
        """Return the URL patterns of the views."""
        base, name = "<uuid:pk>/codes/", "coupons_codes"
        return [
            path(base, wrap(self.list_batches), name=name),
            path(f"{base}strength/", wrap(require_POST(self.strength)), name=f"{name}_strength"),
            path(f"{base}<uuid:batch>/", wrap(require_safe(self.detail)), name=f"{name}_batch"),
            path(f"{base}<uuid:batch>/progress/", wrap(require_safe(self.progress)), name=f"{name}_progress"),
            path(f"{base}<uuid:batch>/codes.csv", wrap(require_safe(self.export)), name=f"{name}_export"),
        ]

    def _get_batch_or_404(
        self, request: HttpRequest, pk: uuid.UUID, batch_id: uuid.UUID
    ) -> tuple[CouponDefinition, CodeBatch]:
        coupon = self.admin.get_coupon_or_404(request, pk)
        try:
            return coupon, get_batch(pk=batch_id, offer=coupon.pk)
        except NotFound as error:
            raise Http404 from error

    def list_batches(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show the coupon's batches and the form that generates codes."""
        coupon = self.admin.get_coupon_or_404(request, pk)
        may_edit = self.admin.has_brand_permission(request, BrandPermissions.EDIT, coupon)
        form = GenerateCodesForm(request.POST or None)
        if request.method == "POST":
            if not may_edit:
                raise PermissionDenied
            if form.is_valid() and (batch := self._generate(coupon, form)):
                return redirect("admin:coupons_codes_batch", coupon.pk, batch.pk)
        initial = {name: field.initial for name, field in form.fields.items()}
        checked = form if form.is_bound else GenerateCodesForm(initial)
        context = {
            "title": _("Codes of %(coupon)s") % {"coupon": coupon},
            "coupon": coupon,
            "may_edit": may_edit,
            "form": form,
            "rows": [_row(coupon, batch) for batch in list_batches(offer=coupon.pk)[:PAGE_SIZE]],
            "strength": checked.describe_strength(coupon.brand_id),
        }
        return self._page(request, "admin/coupons/codes.html", context)

    def _generate(self, coupon: CouponDefinition, form: GenerateCodesForm) -> CodeBatch | None:
        try:
            return services.add_codes(coupon=coupon, codes=services.CodesSpec(**form.cleaned_data), at=timezone.now())
        except DomainError as error:
            form.add_service_errors(error)
            return None

    def strength(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show how hard the codes of the pattern are to guess, while the form is edited."""
        coupon = self.admin.get_coupon_or_404(request, pk, edit=True)
        strength = GenerateCodesForm(request.POST).describe_strength(coupon.brand_id)
        return TemplateResponse(request, "admin/codes/strength.html", {"strength": strength})

    def detail(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """Show a batch: its progress and its codes."""
        coupon, code_batch = self._get_batch_or_404(request, pk, batch)
        after = request.GET.get("after", "")[:64]
        codes = list_batch_codes(batch=code_batch, after=after, at=timezone.now(), limit=PAGE_SIZE)
        context = {
            "title": _("Codes of %(coupon)s") % {"coupon": coupon},
            "codes": [(code, status.label) for code, _customer, status in codes],
            "after": after,
            "more": codes[-1][0] if len(codes) == PAGE_SIZE else "",
        }
        return self._page(request, "admin/coupons/codes_batch.html", context | _progress(coupon, code_batch))

    def progress(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """Show the progress bar alone, which the page reloads; reload the whole page once all codes are generated."""
        coupon, code_batch = self._get_batch_or_404(request, pk, batch)
        response = TemplateResponse(request, "admin/coupons/codes_progress.html", _progress(coupon, code_batch))
        if code_batch.is_generated:
            response["HX-Refresh"] = "true"
        return response

    def export(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> StreamingHttpResponse:
        """Export the codes of the batch so far, each with its status."""
        _coupon, code_batch = self._get_batch_or_404(request, pk, batch)
        rows = ((code, state) for code, _customer, state in iter_batch_codes(batch=code_batch, at=timezone.now()))
        return csv_response(f"codes-{code_batch.pk}.csv", ("code", "status"), rows, marked=False)

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        shared = self.admin.admin_site.each_context(request) | {"opts": self.admin.opts}
        return TemplateResponse(request, template, shared | context)


def _row(coupon: CouponDefinition, batch: CodeBatch) -> dict[str, Any]:
    percentage = get_percentage(batch.generated_count, batch.count)
    status = (_("Completed"), "success")
    if not batch.is_generated:
        status = (_("%(percentage)s%% generated") % {"percentage": percentage}, "info")
    return {
        "url": reverse("admin:coupons_codes_batch", args=[coupon.pk, batch.pk]),
        "name": batch.pattern,
        "count": format_number(batch.count),
        "status": status,
        "created": format_datetime(batch.created_at, coupon.brand.timezone),
    }


def _progress(coupon: CouponDefinition, batch: CodeBatch) -> dict[str, Any]:
    return {
        "coupon": coupon,
        "batch": batch,
        "generated": format_number(batch.generated_count),
        "total": format_number(batch.count),
        "percent": get_percentage(batch.generated_count, batch.count),
    }
