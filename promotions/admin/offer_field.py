"""The offer form as a form field, and the view that renders the form again with other parts."""

import re
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.models import Brand
from backoffice.base.descriptions import describe_offer
from backoffice.brand_selection import list_selectable_brands
from core.permissions import BrandPermissions
from pricing import OfferInvalid, load_offer
from promotions.admin.offer_form import OfferForm, is_representable
from promotions.admin.offer_labels import BENEFIT_LABELS

TEMPLATE = "admin/promotions/offer.html"


class OfferWidget(forms.Widget):
    """The offer form, or a description of an offer that the form can't represent."""

    use_fieldset = True

    def __init__(self, *, brand: Brand, offer: object = None, **options: Any) -> None:
        super().__init__()
        self.brand, self.offer, self.options = brand, offer, options
        self.is_read_only = offer is not None and not is_representable(offer, brand, **options)
        self._form: tuple[Any, OfferForm] | None = None

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return the bound form, the same one for the same data since it has the errors; None for a read-only offer."""
        if self.is_read_only:
            return None
        if self._form is None or self._form[0] is not data:
            self._form = data, OfferForm(data, brand=self.brand, offer=self.offer, prefix=name, **self.options)
        return self._form[1]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        if self.is_read_only:
            summary = describe_stored_offer(self.offer, self.brand)
            return render_to_string("admin/promotions/offer_read_only.html", {"offer_summary": summary})
        form = value
        if not isinstance(value, OfferForm):
            form = OfferForm(brand=self.brand, offer=value, prefix=name, **self.options)
        return render_to_string(TEMPLATE, {"offer": form})


class OfferField(forms.Field):
    """An offer of a brand.

    ``kinds`` are the allowed kinds of benefits. ``hidden_keys`` are keys of the offer that keep their values unseen.
    """

    default_error_messages = {
        "incomplete": _("Complete the highlighted fields."),
        "unfinished": _("Finish the offer before saving."),
    }

    def __init__(self, *, brand: Brand, initial: object = None, **options: Any) -> None:
        form_options = {name: options.pop(name) for name in ("kinds", "hidden_keys") if name in options}
        widget = OfferWidget(brand=brand, offer=initial, **form_options)
        super().__init__(widget=widget, initial=initial, required=False, **options)

    def clean(self, value: Any) -> Any:
        if value is None:
            return self.initial
        if value.action:
            raise forms.ValidationError(self.error_messages["unfinished"], code="unfinished")
        if not value.is_valid():
            raise forms.ValidationError(self.error_messages["incomplete"], code="incomplete")
        return value.document

    def has_changed(self, initial: Any, data: Any) -> bool:
        return data is not None and data.document != initial


def describe_stored_offer(offer: object, brand: Brand) -> str:
    """Return a sentence that describes a stored offer, or an empty string for an invalid one."""
    try:
        return describe_offer(load_offer(offer), brand.currency)
    except OfferInvalid:
        return ""


@require_POST
def form_fragment_view(request: HttpRequest) -> HttpResponse:
    """Render the offer form after the action of a button, or only the description of the offer."""
    brands = list_selectable_brands(request, BrandPermissions.EDIT)
    brand = brands.filter(slug=request.GET.get("brand", "")).first()
    name = request.GET.get("name", "offer")
    if brand is None or not re.fullmatch(r"[a-z_]{1,40}", name):
        raise Http404
    kinds = [kind for kind in request.GET.get("kinds", "").split(",") if kind in BENEFIT_LABELS]
    hidden_keys = request.GET.get("hidden", "").split(",")
    form = OfferForm(
        request.POST, brand=brand, kinds=kinds or tuple(BENEFIT_LABELS), hidden_keys=hidden_keys, prefix=name
    )
    template = "admin/promotions/offer_description.html" if form.action == "describe" else TEMPLATE
    return TemplateResponse(request, template, {"offer": form})
