"""The page of the brand's own data about an offer, the same for every kind: an external ID, and keys with texts."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from backoffice.base.form_fields import TextFormField, add_service_errors
from core.errors import DomainError
from core.metadata import (
    EXTERNAL_ID_LENGTH,
    MAX_KEY_LENGTH,
    MAX_KEYS,
    MAX_VALUE_LENGTH,
    find_key_error,
    find_value_error,
)
from core.permissions import BrandPermissions
from redemptions.errors import ExternalIdTaken
from redemptions.lifecycle import OfferLifecycle
from redemptions.metadata import update_metadata

BLANK_ROWS = 3
Rows = list[tuple[str, str]]


class RowsWidget(forms.Widget):
    """Rows of a key and a text, submitted as ``<name>-key`` and ``<name>-text``, and the keys that the page showed."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Rows:
        cells = [[text.strip() for text in data.getlist(f"{name}-{cell}")] for cell in ("key", "text")]
        return [row for row in zip(*cells, strict=False) if any(row)]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-key" not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        rows = [*(value or []), *[("", "")] * BLANK_ROWS]
        context = {"rows": [(_cell(name, "key", key), _cell(name, "text", text)) for key, text in rows]}
        rendered: SafeString = render_to_string("admin/backoffice/metadata_rows.html", context)
        return rendered


def _cell(name: str, cell: str, value: str) -> SafeString:
    label, length = (_("Key"), MAX_KEY_LENGTH) if cell == "key" else (_("Text"), MAX_VALUE_LENGTH)
    widget = UnfoldAdminTextInputWidget(attrs={"aria-label": label, "maxlength": length, "autocomplete": "off"})
    rendered: SafeString = widget.render(f"{name}-{cell}", value)
    return rendered


class RowsField(forms.Field):
    """Metadata as rows."""

    widget = RowsWidget

    def clean(self, value: Rows) -> dict[str, str]:
        errors = [gettext("A key can occur only once: %(key)s.") % {"key": key} for key in _repeated(value)]
        for key, text in value:
            if detail := find_key_error(key) or find_value_error(text):
                errors.append(f"{key or text}: {detail}")
        if len(value) > MAX_KEYS:
            errors.append(gettext("At most %(max)s keys are allowed.") % {"max": MAX_KEYS})
        if errors:
            raise forms.ValidationError(errors)
        return dict(value)


def _repeated(rows: Rows) -> list[str]:
    keys = [key for key, _text in rows]
    return sorted({key for key in keys if keys.count(key) > 1})


class MetadataForm(forms.Form):
    """The external ID and the metadata of an offer."""

    external_id = TextFormField(
        label=_("External ID"), required=False, max_length=EXTERNAL_ID_LENGTH, widget=UnfoldAdminTextInputWidget(),
        help_text=_("ID of the offer in another system."),
    )  # fmt: skip
    metadata = RowsField(
        label=_("Metadata"), required=False,
        help_text=_("Shown to your staff and your servers only. Leave a row blank to remove it."),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, offer: OfferLifecycle) -> None:
        initial = {"external_id": offer.external_id, "metadata": sorted(offer.metadata.items())}
        super().__init__(data, initial=initial, use_required_attribute=False)
        self.shown_keys = data.getlist("shown") if data else sorted(offer.metadata)

    def changes(self) -> dict[str, Any]:
        """Return the changes for the service: keys that the page showed and that were not sent are removed."""
        metadata: Mapping[str, str] = self.cleaned_data["metadata"]
        removed = dict.fromkeys(key for key in self.shown_keys if key not in metadata)
        return {"external_id": self.cleaned_data["external_id"], "metadata": {**metadata, **removed}}


class MetadataPageMixin:
    """The page ``<pk>/metadata/`` of the admin of a kind of offer."""

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of the admin, with that of the page."""
        opts, site = self.opts, self.admin_site  # type: ignore[attr-defined]
        name = f"{opts.app_label}_{opts.model_name}_metadata"
        return [path("<str:pk>/metadata/", site.admin_view(self.metadata_view), name=name), *super().get_urls()]  # type: ignore[misc]

    def metadata_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show the brand's own data about an offer, and let editors change it."""
        offer = self.get_object(request, pk)  # type: ignore[attr-defined]
        if offer is None or not self.has_view_permission(request, offer):  # type: ignore[attr-defined]
            raise Http404
        may_edit = self.has_brand_permission(request, BrandPermissions.EDIT, offer)  # type: ignore[attr-defined]
        if request.method == "POST" and not may_edit:
            raise PermissionDenied
        opts = self.opts  # type: ignore[attr-defined]
        form = MetadataForm(request.POST or None, offer=offer)
        if form.is_valid() and _save(form, offer):
            messages.success(request, gettext("%(offer)s saved.") % {"offer": offer})
            return redirect(f"admin:{opts.app_label}_{opts.model_name}_metadata", offer.pk)
        context = self.admin_site.each_context(request) | {  # type: ignore[attr-defined]
            "title": gettext("Metadata of %(offer)s") % {"offer": offer},
            "opts": opts,
            "offer": offer,
            "form": form if may_edit else None,
            "rows": list_rows(offer.external_id, offer.metadata),
            "shown_keys": form.shown_keys,
        }
        return TemplateResponse(request, "admin/backoffice/metadata.html", context)


def _save(form: MetadataForm, offer: OfferLifecycle) -> bool:
    try:
        update_metadata(offer, form.changes(), at=timezone.now())
    except DomainError as error:
        field = "external_id" if isinstance(error, ExternalIdTaken) else "metadata"
        add_service_errors(form, error, {}, field)
        return False
    return True


def list_rows(external_id: str, metadata: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return own data as rows of a label and a text."""
    first = [(gettext("External ID"), external_id)] if external_id else []
    return [*first, *sorted(metadata.items())]
