"""Admin pages of audience imports: upload a file, preview its changes, then apply or discard it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Brand
from backoffice.base.admin import BrandScopedAdmin, has_multiple_brands
from backoffice.base.costly_pages import limit_concurrency
from backoffice.base.filters import BrandFilter
from backoffice.base.form_fields import TextFormField, add_service_errors
from backoffice.base.formatting import format_datetime, format_number
from backoffice.brand_selection import list_selectable_brands
from core.errors import DomainError
from core.permissions import BrandPermissions
from core.streams import CHUNK_SIZE
from segments import customer_id_files, services
from segments.contracts import UploadState
from segments.models import OPERATION_CHOICES, AudienceUpload

MAX_FILE_SIZE = 64 * 1024 * 1024  # bytes; the API and the command import_audience accept larger files
STATE_COLORS = {
    UploadState.PREVIEW.value: "warning",
    UploadState.PENDING.value: "info",
    UploadState.APPLIED.value: "success",
    UploadState.FAILED.value: "danger",
}


class UploadForm(forms.Form):
    """A file, its audience and the operation."""

    brand = forms.ModelChoiceField(Brand.objects.none(), label=gettext_lazy("Brand"), widget=UnfoldAdminSelectWidget())
    segment_type = TextFormField(
        label=gettext_lazy("Audience"), max_length=100, widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("Example: vip_customers. A new audience is created if needed."),
    )  # fmt: skip
    operation = forms.ChoiceField(
        label=gettext_lazy("Operation"), choices=OPERATION_CHOICES, widget=UnfoldAdminSelectWidget()
    )
    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,.ndjson,text/csv"}),
        help_text=gettext_lazy("CSV, customer ID in the first column, up to 64 MB. You'll see a preview first."),
    )

    def __init__(self, *args: Any, brands: QuerySet[Brand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["brand"]
        field.queryset = brands
        first_brands = list(brands[:2])
        if len(first_brands) == 1:
            self.initial["brand"], field.widget = first_brands[0].pk, forms.HiddenInput()

    def clean_segment_type(self) -> str:
        name: str = self.cleaned_data["segment_type"].strip().replace(" ", "_")
        if not customer_id_files.is_segment_type(name):
            raise forms.ValidationError(_("Enter letters, digits, underscores, periods or hyphens only."))
        return name

    def clean_file(self) -> Any:
        file: Any = self.cleaned_data["file"]
        if (file.size or 0) > MAX_FILE_SIZE:
            raise forms.ValidationError(_("The file is larger than 64 MB. Split it or use the API."))
        return file


@admin.register(AudienceUpload)
class AudienceUploadAdmin(BrandScopedAdmin):
    """The audience imports of a brand, newest first."""

    list_filter = (BrandFilter,)
    list_select_related = ("brand", "by")
    ordering = ("-pk",)
    list_per_page = 50
    actions = None

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return (
            "file_name", "name", *brand, "operation_label", "status_label", "added_count", "removed_count", "uploaded",
        )  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # --- columns -----------------------------------------------------------------------------------------------------
    @display(description=gettext_lazy("audience"), ordering="segment_type")
    def name(self, upload: AudienceUpload) -> str:
        return upload.segment_type.replace("_", " ")

    @display(description=gettext_lazy("operation"))
    def operation_label(self, upload: AudienceUpload) -> str:
        return upload.get_operation_display()

    @display(description=gettext_lazy("status"), label=STATE_COLORS)
    def status_label(self, upload: AudienceUpload) -> tuple[str, str]:
        return upload.state, upload.get_state_display()

    @display(description=gettext_lazy("added"))
    def added_count(self, upload: AudienceUpload) -> str:
        return format_number(upload.added)

    @display(description=gettext_lazy("removed"))
    def removed_count(self, upload: AudienceUpload) -> str:
        return format_number(upload.removed)

    @display(description=gettext_lazy("uploaded"))
    def uploaded(self, upload: AudienceUpload) -> str:
        return format_datetime(upload.created_at, upload.brand.timezone)

    # --- pages and buttons -------------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, "segments_audienceupload"
        return [
            path("<uuid:pk>/progress/", wrap(require_safe(self.progress)), name=f"{name}_progress"),
            path("<uuid:pk>/apply/", wrap(require_POST(self.apply)), name=f"{name}_apply"),
            path("<uuid:pk>/cancel/", wrap(require_POST(self.cancel)), name=f"{name}_cancel"),
            path("<uuid:pk>/discard/", wrap(require_POST(self.discard)), name=f"{name}_discard"),
            *super().get_urls(),
        ]

    @limit_concurrency("import", methods=("POST",))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the upload form, and store the file on POST."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        data = (request.POST, request.FILES) if request.method == "POST" else ()
        initial = {"segment_type": request.GET.get("audience", ""), "brand": request.GET.get("brand", "")}
        brands = list_selectable_brands(request, BrandPermissions.EDIT)
        form = UploadForm(*data, brands=brands, initial=initial)
        if form.is_valid():
            try:
                upload = _create(form.cleaned_data, by=request.user.pk)
                return redirect("admin:segments_audienceupload_change", upload.pk)
            except DomainError as error:
                names = {"segment_type": "segment_type", "file": "file"}
                add_service_errors(form, error, names, "segment_type")
        context = self.admin_site.each_context(request) | {
            "title": _("Import audience"), "opts": self.opts, "form": form,
        }  # fmt: skip
        return TemplateResponse(request, "admin/segments/new_upload.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the changes that a file will make, or has made."""
        upload = self._get_upload(request, object_id)
        context = self.admin_site.each_context(request) | {
            "title": str(upload), "opts": self.opts, **self._context(request, upload),
        }  # fmt: skip
        return TemplateResponse(request, "admin/segments/upload.html", context)

    def progress(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Render the progress section; reload the whole page once the import has finished."""
        upload = self._get_upload(request, str(pk))
        response = TemplateResponse(request, "admin/segments/upload_progress.html", self._context(request, upload))
        if upload.state != UploadState.PENDING:
            response["HX-Refresh"] = "true"
        return response

    def apply(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Start to apply the file."""
        upload = self._get_upload(request, str(pk), BrandPermissions.EDIT)
        services.queue_upload(upload=upload)
        return redirect("admin:segments_audienceupload_change", upload.pk)

    def cancel(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Cancel a running import."""
        upload = self._get_upload(request, str(pk), BrandPermissions.EDIT)
        if services.cancel_upload(upload=upload):
            messages.success(request, _("Import canceled. No changes were made."))
        else:
            messages.warning(request, _("The import has already been applied."))
        return redirect("admin:segments_audienceupload_change", upload.pk)

    def discard(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Delete a file that was not applied."""
        services.discard_upload(upload=self._get_upload(request, str(pk), BrandPermissions.EDIT))
        return redirect("admin:segments_audienceupload_changelist")

    def _context(self, request: HttpRequest, upload: AudienceUpload) -> dict[str, Any]:
        return build_context(upload) | {"may_edit": self.has_brand_permission(request, BrandPermissions.EDIT, upload)}

    def _get_upload(
        self, request: HttpRequest, object_id: str, permissions: BrandPermissions = BrandPermissions.READ
    ) -> AudienceUpload:
        """Return the upload of the URL. Raises Http404 and PermissionDenied."""
        upload = self.get_object(request, object_id)
        if not isinstance(upload, AudienceUpload):
            raise Http404
        if not self.has_brand_permission(request, permissions, upload):
            raise PermissionDenied
        return upload


def build_context(upload: AudienceUpload) -> dict[str, Any]:
    """Return the template context of an upload."""
    zone = upload.brand.timezone
    return {
        "upload": upload,
        "uploaded": format_datetime(upload.created_at, zone),
        "applied": format_datetime(upload.applied_at, zone) if upload.applied_at else "",
        "state": (upload.get_state_display(), STATE_COLORS[upload.state]),
        "moving": upload.state == UploadState.PENDING,
        "is_preview": upload.state == UploadState.PREVIEW,
        "operation": upload.get_operation_display(),
        "audience": upload.segment_type.replace("_", " "),
        "more_errors": upload.invalid_count - len(upload.errors),
        "cards": _metric_cards(upload),
    }


def _metric_cards(upload: AudienceUpload) -> list[tuple[str, str, str]]:
    """Return the metric cards of an upload: label, number and note."""
    applied = upload.state == UploadState.APPLIED
    return [
        (
            _("Added") if applied else _("To be added"), format_number(upload.added),
            _("customers not in the audience before"),
        ),
        (
            _("Removed") if applied else _("To be removed"), format_number(upload.removed),
            _("customers in the audience before"),
        ),
        (_("Resulting size"), format_number(upload.size), _("customers in the audience")),
        (_("IDs in the file"), format_number(upload.received), _unknown_note(upload)),
        (
            _("Invalid rows"), format_number(upload.invalid_count),
            _("Skipped: no customer ID") if upload.invalid_count else _("None"),
        ),
    ]  # fmt: skip


def _unknown_note(upload: AudienceUpload) -> str:
    """Return how many customers of the file are new to the platform."""
    if not upload.unknown:
        return _("All customers exist")
    text = ngettext("%(count)s new customer", "%(count)s new customers", upload.unknown)
    return text % {"count": format_number(upload.unknown)}


def _create(fields: dict[str, Any], *, by: int | None) -> AudienceUpload:
    file: Any = fields["file"]
    name = file.name or "file"
    return services.create_upload(
        brand=fields["brand"], segment_type=fields["segment_type"], operation=fields["operation"], file_name=name,
        parts=file.chunks(CHUNK_SIZE), by=by,
        media_type=customer_id_files.NDJSON if name.endswith(".ndjson") else customer_id_files.CSV,
    )  # fmt: skip
