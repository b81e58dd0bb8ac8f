"""Admin pages of an offer's code batches: list, generate, import, assign, search, revoke and export."""

import uuid
from collections.abc import Callable
from typing import Any

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
from redemptions.admin.balances import build_balance_context, describe_balances, keep_balances
from redemptions.admin.code_forms import AssignForm, GenerateCodesForm, ImportForm, format_error
from redemptions.admin.codes import CODE_STATUS_LABELS
from redemptions.codes import files as code_files
from redemptions.codes import services
from redemptions.codes.models import Code, CodeAssignment, CodeBatch
from redemptions.codes.selectors.assignments import list_assignments
from redemptions.codes.selectors.batches import get_batch, list_batches, search_batch_codes
from redemptions.codes.selectors.codes import get_generic_codes
from redemptions.contracts import CodeStatus
from redemptions.lifecycle import OfferLifecycle
from redemptions.statuses import OfferDecision

PAGE_SIZE = 100  # batches, codes or assignments
MAX_ERRORS_SHOWN = 50  # rejected lines of an import that the page lists


class CodeViews:
    """The pages below ``…/<offer>/codes/`` of a kind of offer, whose ``admin`` checks permissions.

    ``takes_codes`` tells whether an offer has such pages; without it, every one has.
    """

    def __init__(self, admin: Any, *, kind: str, takes_codes: Callable[[Any], bool] | None = None) -> None:
        self.admin, self.kind, self.takes_codes = admin, kind, takes_codes

    def urls(self, wrap: Callable[..., Any]) -> list[URLPattern]:
        """Return the URL patterns of the pages."""
        base, name = "<uuid:pk>/codes/", f"{self.kind}_codes"
        batch = f"{base}<uuid:batch>/"
        return [
            path(base, wrap(require_safe(self.list_batches)), name=name),
            path(f"{base}balance/", wrap(require_safe(self.balance)), name=f"{name}_balance"),
            path(f"{base}strength/", wrap(require_POST(self.strength)), name=f"{name}_strength"),
            path(f"{base}generate/", wrap(require_POST(self.generate)), name=f"{name}_generate"),
            path(f"{base}import/", wrap(require_POST(self.import_codes)), name=f"{name}_import"),
            path(batch, wrap(require_safe(self.detail)), name=f"{name}_batch"),
            path(f"{batch}progress/", wrap(require_safe(self.progress)), name=f"{name}_progress"),
            path(f"{batch}assign/", wrap(require_POST(self.assign)), name=f"{name}_assign"),
            path(f"{batch}revoke/", wrap(require_POST(self.revoke)), name=f"{name}_revoke"),
            path(f"{batch}codes.csv", wrap(require_safe(self.export)), name=f"{name}_export"),
        ]

    # --- objects of the URL ------------------------------------------------------------------------------------------
    def _offer(self, request: HttpRequest, pk: uuid.UUID, *, edit: bool = False) -> Any:
        """Return the offer, which must take codes. Raises Http404, PermissionDenied."""
        offer = self.admin.get_object(request, str(pk))
        if offer is None or (self.takes_codes is not None and not self.takes_codes(offer)):
            raise Http404
        if edit and not self.admin.has_brand_permission(request, BrandPermissions.EDIT, offer):
            raise PermissionDenied
        return offer

    def _batch(
        self, request: HttpRequest, pk: uuid.UUID, batch_id: uuid.UUID, *, edit: bool = False
    ) -> tuple[Any, CodeBatch]:
        offer = self._offer(request, pk, edit=edit)
        try:
            return offer, get_batch(pk=batch_id, offer=offer.pk)
        except NotFound as error:
            raise Http404 from error

    def _may_edit(self, request: HttpRequest, offer: OfferLifecycle) -> bool:
        return self._is_editor(request, offer) and offer.decision not in (OfferDecision.ENDED, OfferDecision.ARCHIVED)

    def _is_editor(self, request: HttpRequest, offer: OfferLifecycle) -> bool:
        return bool(self.admin.has_brand_permission(request, BrandPermissions.EDIT, offer))

    # --- all batches of an offer -------------------------------------------------------------------------------------
    def list_batches(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show the offer's batches and the forms that generate and import codes."""
        return self._list_page(request, self._offer(request, pk))

    def _list_page(
        self,
        request: HttpRequest,
        offer: Any,
        *,
        generate_form: GenerateCodesForm | None = None,
        import_form: ImportForm | None = None,
        import_result: services.ImportResult | None = None,
    ) -> HttpResponse:
        batches = list(list_batches(offer=offer.pk)[:PAGE_SIZE])
        generate_form = generate_form or GenerateCodesForm(keeps_balance=keep_balances(offer))
        generic_code = get_generic_codes(offers=[offer.pk]).get(offer.pk, "")
        described_form = generate_form if generate_form.is_bound else GenerateCodesForm(_initial_data(generate_form))
        with timezone.override(offer.brand.timezone):
            context = {
                "title": _("Codes of %(offer)s") % {"offer": offer},
                "may_edit": self._may_edit(request, offer),
                "is_editor": self._is_editor(request, offer),
                "generic_code": generic_code,
                "generic_balance": describe_balances(offer, [generic_code]).get(generic_code),
                "rows": [_batch_row(batch) for batch in batches],
                "generate_form": generate_form, "strength": described_form.describe_strength(offer.brand_id),
                "import_form": import_form or ImportForm(batches=batches), "import_result": import_result,
                "import_errors": import_result.errors[:MAX_ERRORS_SHOWN] if import_result else [],
            }  # fmt: skip
            return self._page(request, "admin/codes/batches.html", context, offer)

    def strength(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show how hard it is to guess codes of the pattern in the form."""
        brand_id = self._offer(request, pk, edit=True).brand_id
        strength = GenerateCodesForm(request.POST).describe_strength(brand_id)
        return TemplateResponse(request, "admin/codes/strength.html", {"strength": strength})

    def generate(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Create a batch, whose codes are generated in the background."""
        offer = self._offer(request, pk, edit=True)
        form = GenerateCodesForm(request.POST, keeps_balance=keep_balances(offer))
        if form.is_valid():
            try:
                batch = services.create_batch(
                    kind=self.kind, brand=offer.brand, offer=offer.pk, **form.cleaned_data, at=timezone.now()
                )
                services.generate_small_batch(batch=batch)
                return redirect(f"admin:{self.kind}_codes_batch", offer.pk, batch.pk)
            except DomainError as error:
                form.add_service_errors(error)
        return self._list_page(request, offer, generate_form=form)

    def import_codes(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Import codes from a file and show the result."""
        offer = self._offer(request, pk, edit=True)
        form = ImportForm(request.POST, request.FILES, batches=list_batches(offer=offer.pk)[:PAGE_SIZE])
        if form.is_valid():
            batch = form.batches.get(form.cleaned_data["batch"])
            lines = code_files.iter_lines(form.cleaned_data["file"].read)
            try:
                result = services.import_codes(
                    kind=self.kind,
                    brand=offer.brand,
                    offer=offer.pk,
                    lines=lines,
                    batch=batch,
                    allow_weak=form.cleaned_data["allow_weak"],
                    at=timezone.now(),
                )
                return self._list_page(request, offer, import_result=result)
            except DomainError as error:
                for field_error in error.errors or [{"detail": error.detail}]:
                    form.add_error("file", field_error["detail"])
        return self._list_page(request, offer, import_form=form)

    # --- one batch ---------------------------------------------------------------------------------------------------
    def detail(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """Show a batch: its progress, its assignments and its codes."""
        return self._detail_page(request, *self._batch(request, pk, batch))

    def _detail_page(
        self, request: HttpRequest, offer: Any, batch: CodeBatch, *, assign_form: AssignForm | None = None
    ) -> HttpResponse:
        term, after = request.GET.get("q", "").strip()[:100], request.GET.get("after", "")[:64]
        codes = search_batch_codes(batch=batch, term=term, after=after, at=timezone.now(), limit=PAGE_SIZE)
        balances = describe_balances(offer, [code for code, _customer, _status in codes])
        context = {
            "title": _("Codes of %(offer)s") % {"offer": offer},
            "codes": [
                (code, customer, CODE_STATUS_LABELS[status], status == CodeStatus.AVAILABLE, balances.get(code))
                for code, customer, status in codes
            ],
            "has_balances": bool(balances),
            "term": term, "after": after,
            "next_after": codes[-1][0] if len(codes) == PAGE_SIZE else "",
            "assign_form": assign_form or AssignForm(brand=offer.brand),
            "may_edit": self._may_edit(request, offer),
            "is_editor": self._is_editor(request, offer),
        }  # fmt: skip
        return self._page(request, "admin/codes/batch.html", context | _progress_context(batch), offer)

    def balance(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show the balance of a code of the offer and its latest movements."""
        offer = self._offer(request, pk)
        context = build_balance_context(offer, request.GET.get("code", "")[:64])
        return self._page(request, "admin/codes/balance.html", context, offer)

    def progress(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """Show the progress only, which the page requests every other second, and reload the page when all is done."""
        offer, code_batch = self._batch(request, pk, batch)
        context = _progress_context(code_batch)
        response = TemplateResponse(request, "admin/codes/progress.html", context | self._shared_context(offer))
        if not context["is_running"]:
            response["HX-Refresh"] = "true"
        return response

    def assign(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """Assign codes to the customers of an audience in the background."""
        offer, code_batch = self._batch(request, pk, batch, edit=True)
        form = AssignForm(request.POST, brand=offer.brand)
        if form.is_valid():
            data = form.cleaned_data
            try:
                services.assign_to_audience(
                    batch=code_batch, segment_type=data["audience"], notify=data["notify"], at=timezone.now()
                )
                messages.success(request, _("Assigning codes. Each customer gets at most one code of this batch."))
                return redirect(f"admin:{self.kind}_codes_batch", offer.pk, code_batch.pk)
            except DomainError as error:
                form.add_error("audience", format_error(error))
        return self._detail_page(request, offer, code_batch, assign_form=form)

    def export(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> StreamingHttpResponse:
        """Stream the codes of the batch as a CSV file, for users who may change the offer."""
        _offer, code_batch = self._batch(request, pk, batch, edit=True)
        rows = services.export_codes(batch=code_batch, at=timezone.now())
        return csv_response(f"codes-{code_batch.pk}.csv", ("code", "customer_id", "status"), rows)

    def revoke(self, request: HttpRequest, pk: uuid.UUID, batch: uuid.UUID) -> HttpResponse:
        """Revoke one code of the batch."""
        offer, code_batch = self._batch(request, pk, batch, edit=True)
        code = Code.objects.filter(batch=code_batch, text=request.POST.get("code", "")[:64]).first()
        if code is None:
            raise Http404
        services.revoke_code(code=code, at=timezone.now())
        messages.success(request, _("Code %(code)s was revoked.") % {"code": code.text})
        return redirect(f"admin:{self.kind}_codes_batch", offer.pk, code_batch.pk)

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any], offer: Any) -> HttpResponse:
        context = self.admin.admin_site.each_context(request) | self._shared_context(offer) | context
        return force_render(TemplateResponse(request, template, context))

    def _shared_context(self, offer: Any) -> dict[str, Any]:
        """Return the offer and the names of the pages, for templates."""
        opts = self.admin.opts
        names = ("balance", "strength", "generate", "import", "batch", "progress", "assign", "revoke", "export")
        urls = {name: f"admin:{self.kind}_codes_{name}" for name in names}
        urls |= {"list": f"admin:{self.kind}_codes", "offer": f"admin:{opts.app_label}_{opts.model_name}_change"}
        return {"opts": opts, "offer": offer, "urls": urls}


def _batch_row(batch: CodeBatch) -> dict[str, Any]:
    """Return the row of a batch in the list."""
    return {
        "url": reverse(f"admin:{batch.kind}_codes_batch", args=[batch.offer, batch.pk]),
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
