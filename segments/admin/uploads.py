"""The admin's pages of uploads: a file is brought, what it would change is shown, and then it is applied or not."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Brand
from backoffice.base.admin import BrandScopedAdmin, has_multiple_brands, list_brand_ids
from backoffice.base.filters import BrandFilter
from backoffice.base.form_fields import add_service_errors
from backoffice.base.formatting import format_datetime
from core.errors import DomainError
from core.permissions import BrandPermissions
from core.streams import CHUNK_SIZE
from segments import customer_id_files, services
from segments.contracts import Operation, UploadState
from segments.models import AudienceUpload

MAX_FILE_SIZE = 64 * 1024 * 1024  # bytes of a file; what is larger goes through the API or the command line
LABELS = {
    UploadState.PREVIEW: "warning",
    UploadState.PENDING: "info",
    UploadState.APPLIED: "success",
    UploadState.FAILED: "danger",
}
LABELS_BY_STATE = {
    UploadState.PREVIEW: "not applied yet",
    UploadState.PENDING: "on its way",
    UploadState.APPLIED: "applied",
    UploadState.FAILED: "refused",
}
OPERATIONS = [
    (Operation.REPLACE.value, "Replace the whole audience"),
    (Operation.ADD.value, "Add to it"),
    (Operation.REMOVE.value, "Take out of it"),
]


class UploadForm(forms.Form):
    """A file, whose audience it is about, and what is to be done."""

    brand = forms.ModelChoiceField(Brand.objects.none(), widget=UnfoldAdminSelectWidget())
    segment_type = forms.CharField(
        label="Audience", max_length=100, widget=UnfoldAdminTextInputWidget(),
        help_text="Such as vip_customers; one that there is not yet is made",
    )  # fmt: skip
    operation = forms.ChoiceField(label="What to do", choices=OPERATIONS, widget=UnfoldAdminSelectWidget())
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,.ndjson,text/csv"}),
        help_text="CSV: a customer id in the first cell of each line; up to 64 MB. Nothing changes yet.",
    )

    def __init__(self, *args: Any, brands: QuerySet[Brand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["brand"]
        choice.queryset = brands
        some = list(brands[:2])
        if len(some) == 1:
            self.initial["brand"], choice.widget = some[0].pk, forms.HiddenInput()

    def clean_segment_type(self) -> str:
        name: str = self.cleaned_data["segment_type"].strip().replace(" ", "_")
        if not customer_id_files.is_segment_type(name):
            raise forms.ValidationError("Letters, digits, _, . and - only.")
        return name

    def clean_file(self) -> Any:
        file: Any = self.cleaned_data["file"]
        if (file.size or 0) > MAX_FILE_SIZE:
            raise forms.ValidationError("The file is larger than 64 MB: send it through the API, or in parts.")
        return file


@admin.register(AudienceUpload)
class AudienceUploadAdmin(BrandScopedAdmin):
    """Files that a brand's staff brought."""

    list_filter = (BrandFilter,)
    list_select_related = ("brand", "by")
    ordering = ("-pk",)
    list_per_page = 50
    actions = None

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("file_name", "name", *brand, "operation_label", "shown_state", "added", "removed", "uploaded")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description="audience", ordering="segment_type")
    def name(self, upload: AudienceUpload) -> str:
        return upload.segment_type.replace("_", " ")

    @display(description="what to do")
    def operation_label(self, upload: AudienceUpload) -> str:
        return dict(OPERATIONS)[upload.operation]

    @display(description="state", label={LABELS_BY_STATE[state]: label for state, label in LABELS.items()})
    def shown_state(self, upload: AudienceUpload) -> str:
        return LABELS_BY_STATE[UploadState(upload.state)]

    @display(description="come in")
    def added(self, upload: AudienceUpload) -> str:
        return f"{upload.added:,}"

    @display(description="go out")
    def removed(self, upload: AudienceUpload) -> str:
        return f"{upload.removed:,}"

    @display(description="brought")
    def uploaded(self, upload: AudienceUpload) -> str:
        return format_datetime(upload.created_at, upload.brand.timezone)

    def get_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, "segments_audienceupload"
        return [
            path("<uuid:pk>/progress/", wrap(require_safe(self.progress)), name=f"{name}_progress"),
            path("<uuid:pk>/apply/", wrap(require_POST(self.apply)), name=f"{name}_apply"),
            path("<uuid:pk>/stop/", wrap(require_POST(self.stop)), name=f"{name}_stop"),
            path("<uuid:pk>/discard/", wrap(require_POST(self.discard)), name=f"{name}_discard"),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form that brings a file."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        posted = (request.POST, request.FILES) if request.method == "POST" else ()
        wanted = {"segment_type": request.GET.get("audience", ""), "brand": request.GET.get("brand", "")}
        form = UploadForm(*posted, brands=_brands(request), initial=wanted)
        if form.is_valid():
            try:
                made = _create(form.cleaned_data, by=request.user.pk)
                return redirect("admin:segments_audienceupload_change", made.pk)
            except DomainError as refusal:
                add_service_errors(form, refusal, {"segment_type": "segment_type", "file": "file"}, "segment_type")
        context = self.admin_site.each_context(request) | {
            "title": "Bring an audience as a file", "opts": self.opts, "form": form,
        }  # fmt: skip
        return TemplateResponse(request, "admin/segments/new_upload.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What a file would change, or has changed."""
        upload = self._found(request, object_id)
        context = self.admin_site.each_context(request) | {
            "title": str(upload), "opts": self.opts, **self._described(request, upload),
        }  # fmt: skip
        return TemplateResponse(request, "admin/segments/upload.html", context)

    def progress(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """The part of the page that moves; once it is through the whole page is loaded again."""
        upload = self._found(request, str(pk))
        response = TemplateResponse(request, "admin/segments/upload_progress.html", self._described(request, upload))
        if upload.state != UploadState.PENDING:
            response["HX-Refresh"] = "true"
        return response

    def apply(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """The button that lets a file take effect."""
        upload = self._found(request, str(pk), BrandPermissions.EDIT)
        services.queue_upload(upload=upload)
        return redirect("admin:segments_audienceupload_change", upload.pk)

    def stop(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """The button that holds a file back while it is read."""
        upload = self._found(request, str(pk), BrandPermissions.EDIT)
        if services.stop_upload(upload=upload):
            messages.success(request, "Stopped; the audience is as it was.")
        else:
            messages.warning(request, "Too late: it takes effect already.")
        return redirect("admin:segments_audienceupload_change", upload.pk)

    def discard(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """The button that forgets a file which was not applied."""
        services.discard_upload(upload=self._found(request, str(pk), BrandPermissions.EDIT))
        return redirect("admin:segments_audienceupload_changelist")

    def _described(self, request: HttpRequest, upload: AudienceUpload) -> dict[str, Any]:
        return described(upload) | {"may_edit": self.has_brand_permission(request, BrandPermissions.EDIT, upload)}

    def _found(
        self, request: HttpRequest, object_id: str, rights: BrandPermissions = BrandPermissions.READ
    ) -> AudienceUpload:
        """The upload that the address names. Raises Http404, PermissionDenied."""
        found = self.get_object(request, object_id)
        if not isinstance(found, AudienceUpload):
            raise Http404
        if not self.has_brand_permission(request, rights, found):
            raise PermissionDenied
        return found


def described(upload: AudienceUpload) -> dict[str, Any]:
    """What the page of an upload shows: values ready to read."""
    state = UploadState(upload.state)
    done = state == UploadState.APPLIED
    return {
        "upload": upload,
        "brought": format_datetime(upload.created_at, upload.brand.timezone),
        "applied": format_datetime(upload.applied_at, upload.brand.timezone) if upload.applied_at else "",
        "state": (LABELS_BY_STATE[state], LABELS[state]),
        "moving": state == UploadState.PENDING,
        "waits": state == UploadState.PREVIEW,
        "what": dict(OPERATIONS)[upload.operation],
        "audience": upload.segment_type.replace("_", " "),
        "left_out": upload.invalid_count - len(upload.errors),
        "cards": [
            ("Came in" if done else "Would come in", f"{upload.added:,}", "Customers who were not in it"),
            ("Went out" if done else "Would go out", f"{upload.removed:,}", "Customers who were in it"),
            ("Customers then", f"{upload.size:,}", "In the audience afterwards"),
            ("Ids in the file", f"{upload.received:,}", _unknown(upload)),
            ("Bad lines", f"{upload.invalid_count:,}", "Left out: they hold no customer id" if upload.invalid_count else "None"),
        ],
    }  # fmt: skip


def _unknown(upload: AudienceUpload) -> str:
    """What it is told of the customers whom the platform has never seen."""
    if not upload.unknown:
        return "All of customers who are known"
    return f"{upload.unknown:,} customers never seen before"


def _brands(request: HttpRequest) -> QuerySet[Brand]:
    """Where the user may bring something."""
    mine, rows = list_brand_ids(request, BrandPermissions.EDIT), Brand.objects.filter(is_active=True).order_by("name")
    return rows if mine is None else rows.filter(pk__in=mine)


def _create(fields: dict[str, Any], *, by: int | None) -> AudienceUpload:
    file: Any = fields["file"]
    name = file.name or "file"
    return services.create_upload(
        brand=fields["brand"], segment_type=fields["segment_type"], operation=fields["operation"], file_name=name,
        parts=file.chunks(CHUNK_SIZE), media_type=customer_id_files.NDJSON if name.endswith(".ndjson") else customer_id_files.CSV, by=by,
    )  # fmt: skip
