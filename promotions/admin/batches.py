"""The admin's pages of a promotion's batches of codes: made, imported, given out, looked through and exported."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from backoffice.base.csv_export import csv_response
from backoffice.base.formatting import format_datetime, get_percentage
from backoffice.brand_selection import force_render
from core.errors import DomainError, NotFound
from core.permissions import BrandPermissions
from promotions import code_files, services
from promotions.admin.batch_forms import AssignForm, GenerateCodesForm, ImportForm, error_text
from promotions.models import CodeAssignment, CodeBatch, Promotion
from promotions.selectors.assignments import list_assignments
from promotions.selectors.batches import get_batch, iter_batch_codes, list_batches, search_batch_codes

if TYPE_CHECKING:
    from promotions.admin.promotions import PromotionAdmin

SHOWN = 100  # batches, codes or assignments on one page
MAX_ERRORS_SHOWN = 50  # refused lines of an import that the page names


class BatchViews:
    """The pages below ``…/<promotion>/codes/``; ``admin`` says who may see and change the promotion."""

    def __init__(self, admin: "PromotionAdmin") -> None:
        self.admin = admin

    def urls(self, wrap: Callable[..., Any]) -> list[URLPattern]:
        base, name = "<uuid:pk>/codes/", "promotions_batch"
        return [
            path(base, wrap(self.list_batches), name=f"{name}es"),
            path(f"{base}guess/", wrap(require_POST(self.strength)), name=f"{name}_guess"),
            path(f"{base}make/", wrap(require_POST(self.generate)), name=f"{name}_make"),
            path(f"{base}import/", wrap(require_POST(self.import_codes)), name=f"{name}_import"),
            path(f"{base}<uuid:batch>/", wrap(require_safe(self.detail)), name=name),
            path(f"{base}<uuid:batch>/progress/", wrap(require_safe(self.progress)), name=f"{name}_progress"),
            path(f"{base}<uuid:batch>/assign/", wrap(require_POST(self.assign)), name=f"{name}_assign"),
            path(f"{base}<uuid:batch>/codes.csv", wrap(require_safe(self.export)), name=f"{name}_export"),
        ]

    # --- what the address names --------------------------------------------------------------------------------------
    def _promotion(self, request: HttpRequest, pk: uuid.UUID, *, edit: bool = False) -> Promotion:
        """The promotion, of codes, that the user may see. Raises Http404, PermissionDenied."""
        found = self.admin.get_object(request, str(pk))
        if found is None or found.trigger != "code":
            raise Http404
        if edit and not self.admin.has_brand_permission(request, BrandPermissions.EDIT, found):
            raise PermissionDenied
        return found  # type: ignore[no-any-return]

    def _batch(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID, *, edit: bool = False) -> CodeBatch:
        try:
            return get_batch(pk=batch, promotion=self._promotion(request, pk, edit=edit))
        except NotFound as error:
            raise Http404 from error

    # --- all batches of a promotion ----------------------------------------------------------------------------------
    def list_batches(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """The promotion's batches, and the forms that make and import one."""
        return self._all(request, self._promotion(request, pk))

    def _all(self, request: HttpRequest, promotion: Promotion, **context: Any) -> HttpResponse:
        batches = list(list_batches(promotion=promotion)[:SHOWN])
        may_edit = self.admin.has_brand_permission(
            request, BrandPermissions.EDIT, promotion
        ) and not self.admin.is_ended(promotion)
        generate = context.pop("make", None) or GenerateCodesForm()
        with timezone.override(promotion.brand.timezone):
            shown = {
                "title": f"Codes of {promotion}", "promotion": promotion, "may_edit": may_edit, "make": generate,
                "bring": ImportForm(batches=batches), "rows": [row(batch) for batch in batches],
                "guess": (generate if generate.is_bound else GenerateCodesForm(_first(generate))).describe_strength(promotion.brand_id),
            }  # fmt: skip
            return self._page(request, "admin/promotions/batches.html", shown | context)

    def strength(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """How hard codes of the pattern are to guess, while it is being written."""
        strength = GenerateCodesForm(request.POST).describe_strength(self._promotion(request, pk, edit=True).brand_id)
        return TemplateResponse(request, "admin/codes/strength.html", {"guess": strength})

    def generate(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Order a batch; its codes are made in the background."""
        promotion, form = self._promotion(request, pk, edit=True), GenerateCodesForm(request.POST)
        if form.is_valid():
            try:
                made = services.create_batch(promotion=promotion, **form.cleaned_data)
                return redirect("admin:promotions_batch", promotion.pk, made.pk)
            except DomainError as refusal:
                form.add_service_errors(refusal)
        return self._all(request, promotion, make=form)

    def import_codes(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Import codes from a file, and say what became of its lines."""
        promotion = self._promotion(request, pk, edit=True)
        form = ImportForm(request.POST, request.FILES, batches=list_batches(promotion=promotion)[:SHOWN])
        if form.is_valid():
            batch = form.batches.get(form.cleaned_data["batch"])
            try:
                report = services.import_codes(
                    promotion=promotion, lines=code_files.iter_lines(form.cleaned_data["file"].read), batch=batch
                )
                return self._all(request, promotion, report=report, faults=report.errors[:MAX_ERRORS_SHOWN])
            except DomainError as refusal:
                for fault in refusal.errors or [{"detail": refusal.detail}]:
                    form.add_error("file", fault["detail"])
        return self._all(request, promotion, bring=form)

    # --- one batch ---------------------------------------------------------------------------------------------------
    def detail(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """A batch: how far it is, whom it was given to, and its codes."""
        return self._one(request, self._batch(request, pk, batch))

    def _one(self, request: HttpRequest, batch: CodeBatch, **context: Any) -> HttpResponse:
        promotion, term = batch.required_promotion, request.GET.get("q", "").strip()[:100]
        after = request.GET.get("after", "")[:64]
        codes = search_batch_codes(batch=batch, term=term, after=after, at=timezone.now(), limit=SHOWN)
        shown = {
            "title": f"Codes of {promotion}", "promotion": promotion, "codes": codes, "term": term, "after": after,
            "more": codes[-1][0] if len(codes) == SHOWN else "", "assign": AssignForm(promotion=promotion),
            "may_edit": self.admin.has_brand_permission(request, BrandPermissions.EDIT, promotion) and not self.admin.is_ended(promotion),
        }  # fmt: skip
        return self._page(request, "admin/promotions/batch.html", shown | state(batch) | context)

    def progress(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """The bars alone, as the page asks for them every other second; the whole page once all is done."""
        found = self._batch(request, pk, batch)
        response = TemplateResponse(request, "admin/promotions/batch_progress.html", state(found))
        if not response.context_data["moving"]:  # type: ignore[index]
            response["HX-Refresh"] = "true"
        return response

    def assign(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """Give everyone of an audience a code, in the background."""
        found = self._batch(request, pk, batch, edit=True)
        form = AssignForm(request.POST, promotion=found.required_promotion)
        if form.is_valid():
            asked = form.cleaned_data
            try:
                services.assign_to_audience(batch=found, segment_type=asked["audience"], notify=asked["notify"])
                messages.success(request, "The codes are being given out; nobody gets a second one of this batch.")
                return redirect("admin:promotions_batch", found.promotion_id, found.pk)
            except DomainError as refusal:
                form.add_error("audience", error_text(refusal))
        return self._one(request, found, assign=form)

    def export(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> StreamingHttpResponse:
        """Every code of the batch, as a file that is written while it is read."""
        found = self._batch(request, pk, batch)
        rows = iter_batch_codes(batch=found, at=timezone.now())
        return csv_response(f"codes-{found.pk}.csv", ("code", "customer", "state"), rows)

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        shown = self.admin.admin_site.each_context(request) | {"opts": self.admin.opts} | context
        return force_render(TemplateResponse(request, template, shown))


def row(batch: CodeBatch) -> dict[str, Any]:
    """A batch in the list."""
    return {
        "url": reverse("admin:promotions_batch", args=[batch.promotion_id, batch.pk]),
        "name": batch.pattern or "imported",
        "count": f"{batch.count:,}",
        "state": ("made", "success")
        if batch.is_generated
        else (f"{get_percentage(batch.generated_count, batch.count)} % made", "info"),
        "created": format_datetime(batch.created_at, batch.required_promotion.brand.timezone),
    }


def state(batch: CodeBatch) -> dict[str, Any]:
    """How far the making of a batch and the giving out of its codes have come."""
    assignments = list(list_assignments(batch=batch)[:SHOWN])
    zone = batch.required_promotion.brand.timezone
    return {
        "batch": batch,
        "name": batch.pattern or "imported codes",
        "percent": get_percentage(batch.generated_count, batch.count),
        "moving": not batch.is_generated or any(it.finished_at is None for it in assignments),
        "assignments": [_assignment_rows(it, zone) for it in assignments],
    }


def _assignment_rows(it: CodeAssignment, zone: str) -> dict[str, Any]:
    """An audience that codes were given to."""
    done = ("too few codes", "danger") if it.exhausted else ("done", "success")
    return {
        "audience": it.segment_type.replace("_", " "),
        "assigned": f"{it.assigned_count:,}",
        "already": f"{it.already_assigned_count:,}",
        "notify": it.notify,
        "begun": format_datetime(it.created_at, zone),
        "state": done if it.finished_at else ("giving", "info"),
    }


def _first(form: GenerateCodesForm) -> dict[str, Any]:
    return {name: field.initial for name, field in form.fields.items()}
