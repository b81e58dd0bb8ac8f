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
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.adapters import require_fresh_sign_in
from backoffice.base.confirmations import Confirmation, render_confirmation
from backoffice.base.costly_pages import limit_concurrency
from backoffice.base.csv_export import csv_response
from backoffice.base.formatting import EMPTY_VALUE, format_number
from backoffice.brand_selection import force_render
from core.errors import DomainError, NotFound
from core.permissions import BrandPermissions
from redemptions.admin.balances import build_balance_context, describe_balances, keep_balances
from redemptions.admin.code_forms import AssignForm, GenerateCodesForm, ImportForm, format_error
from redemptions.admin.codes import (
    CODE_STATUS_LABELS,
    PAGE_SIZE,
    REVOCABLE,
    build_progress_context,
    to_batch_row,
    to_code_rows,
)
from redemptions.codes import files as code_files
from redemptions.codes import services
from redemptions.codes.models import Code, CodeBatch
from redemptions.codes.rules import canonicalize_code
from redemptions.codes.selectors.batches import (
    count_redeemable_codes,
    find_batch_codes,
    get_batch,
    list_batch_codes,
    list_batches,
    search_batch_codes,
)
from redemptions.codes.selectors.codes import get_code_status
from redemptions.errors import BatchNotReady
from redemptions.lifecycle import OfferLifecycle
from redemptions.statuses import OfferDecision

MAX_ERRORS_SHOWN = 50  # rejected lines of an import that the page lists


class CodeViews:
    """The pages below ``…/<offer>/codes/`` of a kind of offer, whose ``admin`` checks permissions.

    ``takes_codes`` tells whether an offer has such pages; without it, every one has.
    """

    def __init__(self, admin: Any, *, kind: str, takes_codes: Callable[[Any], bool] | None = None) -> None:
        self.admin, self.kind, self.takes_codes = admin, kind, takes_codes

    def urls(self, wrap: Callable[..., Any]) -> list[URLPattern]:
        """Return the URL patterns of the pages."""
        base, name = "<str:pk>/codes/", f"{self.kind}_codes"
        batch = f"{base}<uuid:batch>/"
        return [
            path(base, wrap(require_safe(self.list_batches)), name=name),
            path(f"{base}balance/", wrap(require_safe(self.balance)), name=f"{name}_balance"),
            path(f"{base}strength/", wrap(require_POST(self.strength)), name=f"{name}_strength"),
            path(f"{base}generate/", wrap(require_POST(self.generate)), name=f"{name}_generate"),
            path(f"{base}import/", wrap(require_POST(self.import_codes)), name=f"{name}_import"),
            path(f"{base}revoke/", wrap(require_http_methods(["GET", "POST"])(self.revoke)), name=f"{name}_revoke"),
            path(batch, wrap(require_safe(self.detail)), name=f"{name}_batch"),
            path(f"{batch}progress/", wrap(require_safe(self.progress)), name=f"{name}_progress"),
            path(f"{batch}assign/", wrap(require_POST(self.assign)), name=f"{name}_assign"),
            path(
                f"{batch}revoke/",
                wrap(require_http_methods(["GET", "POST"])(self.revoke_batch)),
                name=f"{name}_revoke_batch",
            ),
            path(f"{batch}codes.csv", wrap(require_safe(require_fresh_sign_in(self.export))), name=f"{name}_export"),
        ]

    # --- objects of the URL ------------------------------------------------------------------------------------------
    def _offer(self, request: HttpRequest, pk: str, *, edit: bool = False) -> Any:
        """Return the offer, which must take codes. Raises Http404, PermissionDenied."""
        offer = self.admin.get_object(request, pk)
        if offer is None or (self.takes_codes is not None and not self.takes_codes(offer)):
            raise Http404
        if edit and not self.admin.has_brand_permission(request, BrandPermissions.EDIT, offer):
            raise PermissionDenied
        return offer

    def _batch(
        self, request: HttpRequest, pk: str, batch_id: uuid.UUID, *, edit: bool = False
    ) -> tuple[Any, CodeBatch]:
        offer = self._offer(request, pk, edit=edit)
        try:
            return offer, get_batch(pk=batch_id, offer=offer.offer_key)
        except NotFound as error:
            raise Http404 from error

    def _may_edit(self, request: HttpRequest, offer: OfferLifecycle) -> bool:
        return self._is_editor(request, offer) and offer.decision not in (OfferDecision.ENDED, OfferDecision.ARCHIVED)

    def _is_editor(self, request: HttpRequest, offer: OfferLifecycle) -> bool:
        return bool(self.admin.has_brand_permission(request, BrandPermissions.EDIT, offer))

    # --- all batches of an offer -------------------------------------------------------------------------------------
    def list_batches(self, request: HttpRequest, pk: str) -> HttpResponse:
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
        batches = list(list_batches(offer=offer.offer_key)[:PAGE_SIZE])
        generate_form = generate_form or GenerateCodesForm(keeps_balance=keep_balances(offer))
        generic_code = self._describe_generic_code(offer)
        described_form = generate_form if generate_form.is_bound else GenerateCodesForm(_initial_data(generate_form))
        with timezone.override(offer.brand.timezone):
            context = {
                "title": _("Codes of %(offer)s") % {"offer": offer},
                "may_edit": self._may_edit(request, offer),
                "is_editor": self._is_editor(request, offer),
                "generic_code": generic_code,
                "rows": [to_batch_row(batch, self._url("batch", offer, batch.pk)) for batch in batches],
                "generate_form": generate_form, "strength": described_form.describe_strength(offer.brand_id),
                "import_form": import_form or ImportForm(batches=batches), "import_result": import_result,
                "import_errors": import_result.errors[:MAX_ERRORS_SHOWN] if import_result else [],
            }  # fmt: skip
            return self._page(request, "admin/codes/batches.html", context, offer)

    def strength(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show how hard it is to guess codes of the pattern in the form."""
        brand_id = self._offer(request, pk, edit=True).brand_id
        strength = GenerateCodesForm(request.POST).describe_strength(brand_id)
        return TemplateResponse(request, "admin/codes/strength.html", {"strength": strength})

    def generate(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Create a batch, whose codes are generated in the background."""
        offer = self._offer(request, pk, edit=True)
        form = GenerateCodesForm(request.POST, keeps_balance=keep_balances(offer))
        if form.is_valid():
            try:
                batch = services.create_batch(
                    kind=self.kind, brand=offer.brand, offer=offer.offer_key, **form.cleaned_data, at=timezone.now()
                )
                services.generate_small_batch(batch=batch)
                return redirect(f"admin:{self.kind}_codes_batch", offer.pk, batch.pk)
            except DomainError as error:
                form.add_service_errors(error)
        return self._list_page(request, offer, generate_form=form)

    @limit_concurrency("import")
    def import_codes(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Import codes from a file and show the result."""
        offer = self._offer(request, pk, edit=True)
        form = ImportForm(request.POST, request.FILES, batches=list_batches(offer=offer.offer_key)[:PAGE_SIZE])
        if form.is_valid():
            batch = form.batches.get(form.cleaned_data["batch"])
            lines = code_files.iter_lines(form.cleaned_data["file"].read)
            try:
                result = services.import_codes(
                    kind=self.kind,
                    brand=offer.brand,
                    offer=offer.offer_key,
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
    def detail(self, request: HttpRequest, pk: str, batch: uuid.UUID) -> HttpResponse:
        """Show a batch: its progress, its assignments and its codes."""
        return self._detail_page(request, *self._batch(request, pk, batch))

    def _detail_page(
        self, request: HttpRequest, offer: Any, batch: CodeBatch, *, assign_form: AssignForm | None = None
    ) -> HttpResponse:
        term, after = request.GET.get("q", "").strip()[:100], request.GET.get("after", "")[:64]
        is_editor, at = self._is_editor(request, offer), timezone.now()
        if is_editor:
            codes = search_batch_codes(batch=batch, term=term, after=after, at=at, limit=PAGE_SIZE)
        elif term:  # a whole code, since prefixes would reveal the others
            codes = find_batch_codes(batch=batch, term=term, at=at)
        else:  # the first page only, since the next one starts after a code
            codes = list_batch_codes(batch=batch, after="", at=at, limit=PAGE_SIZE)
        balances = describe_balances(offer, [code.text for code in codes])
        context = {
            "title": _("Codes of %(offer)s") % {"offer": offer},
            "codes": to_code_rows(codes, batch.brand.timezone, balances, known=None if is_editor else term),
            "has_balances": bool(balances),
            "term": term, "after": after,
            "next_after": codes[-1].text if is_editor and len(codes) == PAGE_SIZE else "",
            "assign_form": assign_form or AssignForm(brand=offer.brand),
            "may_edit": self._may_edit(request, offer),
            "is_editor": is_editor,
        }  # fmt: skip
        return self._page(request, "admin/codes/batch.html", context | build_progress_context(batch), offer)

    def balance(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show the balance of a code of the offer and its latest movements."""
        offer = self._offer(request, pk)
        context = build_balance_context(offer, request.GET.get("code", "")[:64])
        return self._page(request, "admin/codes/balance.html", context, offer)

    def progress(self, request: HttpRequest, pk: str, batch: uuid.UUID) -> HttpResponse:
        """Show the progress only, which the page requests every other second, and reload the page when all is done."""
        offer, code_batch = self._batch(request, pk, batch)
        context = build_progress_context(code_batch)
        response = TemplateResponse(request, "admin/codes/progress.html", context | self._shared_context(offer))
        if not context["is_running"]:
            response["HX-Refresh"] = "true"
        return response

    def assign(self, request: HttpRequest, pk: str, batch: uuid.UUID) -> HttpResponse:
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

    @limit_concurrency("export")
    def export(self, request: HttpRequest, pk: str, batch: uuid.UUID) -> StreamingHttpResponse:
        """Stream the codes of the batch as a CSV file, for users who may change the offer."""
        _offer, code_batch = self._batch(request, pk, batch, edit=True)
        rows = services.export_codes(batch=code_batch, at=timezone.now())
        return csv_response(f"codes-{code_batch.pk}.csv", services.EXPORT_HEADER, rows)

    def revoke(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Say what the revocation of one of the offer's codes will do (GET), or do it (POST)."""
        offer = self._offer(request, pk, edit=True)
        text = request.GET.get("code", "")[:64]
        codes = Code.objects.select_related("customer").filter(offer=offer.offer_key, text=text)
        code = codes.filter(canonical=canonicalize_code(text)).first()
        if code is None:
            raise Http404
        page = self._url("batch", offer, code.batch_id) if code.batch_id else self._url("list", offer)
        if request.method == "POST":
            services.revoke_code(code=code, at=timezone.now())
            messages.success(request, _("Code %(code)s was revoked.") % {"code": code.text})
            return redirect(page)
        status = get_code_status(code=code, at=timezone.now())
        facts = [
            (_("Code"), code.text),
            (_("Offer"), str(offer)),
            (_("Customer"), code.customer.customer_id if code.customer else EMPTY_VALUE),
            (_("Status"), str(CODE_STATUS_LABELS[status])),
        ]
        effect = _("Nobody can redeem this code from now on. Orders that have reserved or used it keep its discount.")
        rest = _("Other codes of the offer stay valid. This can't be undone.")
        title = _("Revoke %(code)s") % {"code": code.text}
        return render_confirmation(request, Confirmation(title, facts, f"{effect} {rest}", _("Revoke code"), page))

    def revoke_batch(self, request: HttpRequest, pk: str, batch: uuid.UUID) -> HttpResponse:
        """Say how many codes the revocation of a batch will end (GET), or revoke it (POST)."""
        offer, code_batch = self._batch(request, pk, batch, edit=True)
        page, at = self._url("batch", offer, code_batch.pk), timezone.now()
        if request.method == "POST":
            try:
                services.revoke_batch(batch=code_batch, at=at)
            except BatchNotReady as error:
                messages.error(request, format_error(error))
                return redirect(page)
            services.revoke_small_batch(batch=code_batch, at=at)
            text = _("Revoking the codes.") if code_batch.is_being_revoked else _("The batch was revoked.")
            messages.success(request, text)
            return redirect(page)
        count, is_exact = count_redeemable_codes(batch=code_batch, at=at)
        number = format_number(count)
        facts = [
            (_("Offer"), str(offer)),
            (_("Codes"), format_number(code_batch.count)),
            (_("Unused codes that end"), number if is_exact else _("up to %(count)s") % {"count": number}),
        ]
        effect = _("Nobody can redeem a code of this batch from now on, and emails with its codes are no longer sent.")
        rest = _("Orders that have reserved or used a code keep its discount. This can't be undone.")
        title = _("Revoke batch %(name)s") % {"name": code_batch.pattern or _("Imported codes")}
        return render_confirmation(request, Confirmation(title, facts, f"{effect} {rest}", _("Revoke batch"), page))

    def _describe_generic_code(self, offer: Any) -> dict[str, Any] | None:
        """Return the code that every customer can enter, and its status; None if the offer has none."""
        code = Code.objects.filter(offer=offer.offer_key, batch=None).first()
        if code is None:
            return None
        status = get_code_status(code=code, at=timezone.now())
        return {
            "text": code.text,
            "status": CODE_STATUS_LABELS[status],
            "may_be_revoked": status in REVOCABLE,
            "balance": describe_balances(offer, [code.text]).get(code.text),
        }

    def _url(self, name: str, offer: Any, *args: Any) -> str:
        return reverse(self._url_names()[name], args=[offer.pk, *args])

    def _url_names(self) -> dict[str, str]:
        opts = self.admin.opts
        names = (
            "balance",
            "strength",
            "generate",
            "import",
            "revoke",
            "revoke_batch",
            "batch",
            "progress",
            "assign",
            "export",
        )
        urls = {name: f"admin:{self.kind}_codes_{name}" for name in names}
        return urls | {
            "list": f"admin:{self.kind}_codes",
            "offer": f"admin:{opts.app_label}_{opts.model_name}_change",
        }

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any], offer: Any) -> HttpResponse:
        context = self.admin.admin_site.each_context(request) | self._shared_context(offer) | context
        return force_render(TemplateResponse(request, template, context))

    def _shared_context(self, offer: Any) -> dict[str, Any]:
        """Return the offer and the names of the pages, for templates."""
        return {"opts": self.admin.opts, "offer": offer, "urls": self._url_names()}


def _initial_data(form: GenerateCodesForm) -> dict[str, Any]:
    return {name: field.initial for name, field in form.fields.items()}
