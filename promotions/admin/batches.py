"""Admin pages of a promotion's code batches: list, generate, import, assign, search and export."""

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
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from backoffice.base.csv_export import csv_response
from backoffice.base.formatting import format_datetime, format_number, get_percentage
from backoffice.brand_selection import force_render
from core.errors import DomainError, NotFound
from core.permissions import BrandPermissions
from promotions.admin.batch_forms import AssignForm, GenerateCodesForm, ImportForm, format_error
from promotions.models import Promotion, Trigger
from redemptions.codes import files as code_files
from redemptions.codes import services
from redemptions.codes.models import CodeAssignment, CodeBatch
from redemptions.codes.selectors.assignments import list_assignments
from redemptions.codes.selectors.batches import get_batch, iter_batch_codes, list_batches, search_batch_codes
from redemptions.statuses import OfferDecision

if TYPE_CHECKING:
    from promotions.admin.promotions import PromotionAdmin

KIND = "promotion"
PAGE_SIZE = 100  # batches, codes or assignments
MAX_ERRORS_SHOWN = 50  # rejected lines of an import that the page lists


class BatchViews:
    """The pages below ``…/<promotion>/codes/``. The promotion's admin checks permissions."""

    def __init__(self, admin: "PromotionAdmin") -> None:
        self.admin = admin

    def urls(self, wrap: Callable[..., Any]) -> list[URLPattern]:
        base, name = "<uuid:pk>/codes/", "promotions_batch"
        return [
            path(base, wrap(self.list_batches), name=f"{name}es"),
            path(f"{base}strength/", wrap(require_POST(self.strength)), name=f"{name}_strength"),
            path(f"{base}generate/", wrap(require_POST(self.generate)), name=f"{name}_generate"),
            path(f"{base}import/", wrap(require_POST(self.import_codes)), name=f"{name}_import"),
            path(f"{base}<uuid:batch>/", wrap(require_safe(self.detail)), name=name),
            path(f"{base}<uuid:batch>/progress/", wrap(require_safe(self.progress)), name=f"{name}_progress"),
            path(f"{base}<uuid:batch>/assign/", wrap(require_POST(self.assign)), name=f"{name}_assign"),
            path(f"{base}<uuid:batch>/codes.csv", wrap(require_safe(self.export)), name=f"{name}_export"),
        ]

    # --- objects of the URL ------------------------------------------------------------------------------------------
    def _promotion(self, request: HttpRequest, pk: uuid.UUID, *, edit: bool = False) -> Promotion:
        """Return the promotion, which must need a code. Raises Http404, PermissionDenied."""
        promotion = self.admin.get_object(request, str(pk))
        if promotion is None or promotion.trigger != Trigger.CODE:
            raise Http404
        if edit and not self.admin.has_brand_permission(request, BrandPermissions.EDIT, promotion):
            raise PermissionDenied
        return promotion  # type: ignore[no-any-return]

    def _batch(
        self, request: HttpRequest, pk: uuid.UUID, batch_id: uuid.UUID, *, edit: bool = False
    ) -> tuple[Promotion, CodeBatch]:
        promotion = self._promotion(request, pk, edit=edit)
        try:
            return promotion, get_batch(pk=batch_id, offer=promotion.pk)
        except NotFound as error:
            raise Http404 from error

    def _may_edit(self, request: HttpRequest, promotion: Promotion) -> bool:
        is_editor = self.admin.has_brand_permission(request, BrandPermissions.EDIT, promotion)
        return is_editor and promotion.decision not in (OfferDecision.ENDED, OfferDecision.ARCHIVED)

    # --- all batches of a promotion ----------------------------------------------------------------------------------
    def list_batches(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show the promotion's batches and the forms that generate and import codes."""
        return self._list_page(request, self._promotion(request, pk))

    def _list_page(
        self,
        request: HttpRequest,
        promotion: Promotion,
        *,
        generate_form: GenerateCodesForm | None = None,
        import_form: ImportForm | None = None,
        import_result: services.ImportResult | None = None,
    ) -> HttpResponse:
        batches = list(list_batches(offer=promotion.pk)[:PAGE_SIZE])
        generate_form = generate_form or GenerateCodesForm()
        described_form = generate_form if generate_form.is_bound else GenerateCodesForm(_initial_data(generate_form))
        with timezone.override(promotion.brand.timezone):
            context = {
                "title": _("Codes of %(promotion)s") % {"promotion": promotion}, "promotion": promotion,
                "may_edit": self._may_edit(request, promotion), "rows": [_batch_row(batch) for batch in batches],
                "generate_form": generate_form, "strength": described_form.describe_strength(promotion.brand_id),
                "import_form": import_form or ImportForm(batches=batches), "import_result": import_result,
                "import_errors": import_result.errors[:MAX_ERRORS_SHOWN] if import_result else [],
            }  # fmt: skip
            return self._page(request, "admin/promotions/batches.html", context)

    def strength(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show how hard it is to guess codes of the pattern in the form."""
        brand_id = self._promotion(request, pk, edit=True).brand_id
        strength = GenerateCodesForm(request.POST).describe_strength(brand_id)
        return TemplateResponse(request, "admin/codes/strength.html", {"strength": strength})

    def generate(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Create a batch, whose codes are generated in the background."""
        promotion, form = self._promotion(request, pk, edit=True), GenerateCodesForm(request.POST)
        if form.is_valid():
            try:
                batch = services.create_batch(
                    kind=KIND, brand=promotion.brand, offer=promotion.pk, **form.cleaned_data, at=timezone.now()
                )
                return redirect("admin:promotions_batch", promotion.pk, batch.pk)
            except DomainError as error:
                form.add_service_errors(error)
        return self._list_page(request, promotion, generate_form=form)

    def import_codes(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Import codes from a file and show the result."""
        promotion = self._promotion(request, pk, edit=True)
        form = ImportForm(request.POST, request.FILES, batches=list_batches(offer=promotion.pk)[:PAGE_SIZE])
        if form.is_valid():
            batch = form.batches.get(form.cleaned_data["batch"])
            lines = code_files.iter_lines(form.cleaned_data["file"].read)
            try:
                result = services.import_codes(
                    kind=KIND,
                    brand=promotion.brand,
                    offer=promotion.pk,
                    lines=lines,
                    batch=batch,
                    allow_weak=form.cleaned_data["allow_weak"],
                    at=timezone.now(),
                )
                return self._list_page(request, promotion, import_result=result)
            except DomainError as error:
                for field_error in error.errors or [{"detail": error.detail}]:
                    form.add_error("file", field_error["detail"])
        return self._list_page(request, promotion, import_form=form)

    # --- one batch ---------------------------------------------------------------------------------------------------
    def detail(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """Show a batch: its progress, its assignments and its codes."""
        return self._detail_page(request, *self._batch(request, pk, batch))

    def _detail_page(
        self, request: HttpRequest, promotion: Promotion, batch: CodeBatch, *, assign_form: AssignForm | None = None
    ) -> HttpResponse:
        term, after = request.GET.get("q", "").strip()[:100], request.GET.get("after", "")[:64]
        codes = search_batch_codes(batch=batch, term=term, after=after, at=timezone.now(), limit=PAGE_SIZE)
        context = {
            "title": _("Codes of %(promotion)s") % {"promotion": promotion}, "promotion": promotion,
            "codes": [(code, customer, status.label) for code, customer, status in codes],
            "term": term, "after": after,
            "next_after": codes[-1][0] if len(codes) == PAGE_SIZE else "",
            "assign_form": assign_form or AssignForm(promotion=promotion),
            "may_edit": self._may_edit(request, promotion),
        }  # fmt: skip
        return self._page(request, "admin/promotions/batch.html", context | _progress_context(batch))

    def progress(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """Show the progress only, which the page requests every other second, and reload the page when all is done."""
        context = _progress_context(self._batch(request, pk, batch)[1])
        response = TemplateResponse(request, "admin/promotions/batch_progress.html", context)
        if not context["is_running"]:
            response["HX-Refresh"] = "true"
        return response

    def assign(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """Assign codes to the customers of an audience in the background."""
        promotion, code_batch = self._batch(request, pk, batch, edit=True)
        form = AssignForm(request.POST, promotion=promotion)
        if form.is_valid():
            data = form.cleaned_data
            try:
                services.assign_to_audience(
                    batch=code_batch, segment_type=data["audience"], notify=data["notify"], at=timezone.now()
                )
                messages.success(request, _("Assigning codes. Each customer gets at most one code of this batch."))
                return redirect("admin:promotions_batch", promotion.pk, code_batch.pk)
            except DomainError as error:
                form.add_error("audience", format_error(error))
        return self._detail_page(request, promotion, code_batch, assign_form=form)

    def export(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> StreamingHttpResponse:
        """Stream the codes of the batch as a CSV file."""
        _promotion, code_batch = self._batch(request, pk, batch)
        rows = iter_batch_codes(batch=code_batch, at=timezone.now())
        return csv_response(f"codes-{code_batch.pk}.csv", ("code", "customer_id", "status"), rows)

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        context = self.admin.admin_site.each_context(request) | {"opts": self.admin.opts} | context
        return force_render(TemplateResponse(request, template, context))


def _batch_row(batch: CodeBatch) -> dict[str, Any]:
    """Return the row of a batch in the list."""
    return {
        "url": reverse("admin:promotions_batch", args=[batch.offer, batch.pk]),
        "name": batch.pattern or _("Imported"),
        "count": format_number(batch.count),
        "state": (_("Completed"), "success")
        if batch.is_generated
        else (_("%(percent)s%% generated") % {"percent": _percent(batch)}, "info"),
        "created": format_datetime(batch.created_at, batch.brand.timezone),
    }


def _progress_context(batch: CodeBatch) -> dict[str, Any]:
    """Return the progress of the batch and of its assignments."""
    assignments = list(list_assignments(batch=batch)[:PAGE_SIZE])
    zone = batch.brand.timezone
    is_assigning = any(assignment.finished_at is None for assignment in assignments)
    return {
        "batch": batch,
        "name": batch.pattern or _("Imported codes"),
        "count": format_number(batch.count),
        "generated_count": format_number(batch.generated_count),
        "percent": _percent(batch),
        "is_running": is_assigning or not batch.is_generated,
        "assignments": [_assignment_row(assignment, zone) for assignment in assignments],
    }


def _assignment_row(assignment: CodeAssignment, zone: str) -> dict[str, Any]:
    """Return the row of an assignment in the list."""
    result = (_("Not enough codes"), "danger") if assignment.exhausted else (_("Completed"), "success")
    return {
        "audience": assignment.segment_type.replace("_", " "),
        "assigned": format_number(assignment.assigned_count),
        "already_assigned": format_number(assignment.already_assigned_count),
        "notify": assignment.notify,
        "started": format_datetime(assignment.created_at, zone),
        "state": result if assignment.finished_at else (_("Running"), "info"),
    }


def _percent(batch: CodeBatch) -> int:
    return get_percentage(batch.generated_count, batch.count)


def _initial_data(form: GenerateCodesForm) -> dict[str, Any]:
    return {name: field.initial for name, field in form.fields.items()}
