"""The offer form as one field of any other form, and the address at which its shape changes in place."""

import re
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.models import Brand
from backoffice.base.admin import list_brand_ids
from core.permissions import BrandPermissions
from pricing import OfferInvalid, parse_offer
from pricing.description import describe_offer
from promotions.admin.offer_form import OfferForm, is_representable
from promotions.admin.offer_labels import BENEFIT_LABELS

TEMPLATE = "admin/promotions/offer.html"


class OfferWidget(forms.Widget):
    """Shows the offer form; an offer that it cannot tell, in words."""

    use_fieldset = True

    def __init__(self, *, brand: Brand, offer: object = None, **how: Any) -> None:
        super().__init__()
        self.brand, self.offer, self.how = brand, offer, how
        self.is_kept = offer is not None and not is_representable(offer, brand, **how)
        self._form: tuple[Any, OfferForm] | None = None

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """The form of what was sent, always the same one, since it knows what was wrong; None for a kept offer."""
        if self.is_kept:
            return None
        if self._form is None or self._form[0] is not data:
            self._form = data, OfferForm(data, brand=self.brand, offer=self.offer, prefix=name, **self.how)
        return self._form[1]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        if self.is_kept:
            return render_to_string(
                "admin/promotions/offer_read_only.html", {"words": describe(self.offer, self.brand)}
            )
        form = (
            value if isinstance(value, OfferForm) else OfferForm(brand=self.brand, offer=value, prefix=name, **self.how)
        )
        return render_to_string(TEMPLATE, {"offer": form})


class OfferField(forms.Field):
    """An offer of a brand. ``kinds``: what it may give; ``kept``: keys of the offer that stay as they are, unseen."""

    default_error_messages = {
        "wrong": "The offer is not complete: see what is marked.",
        "going_on": "Go on with the offer, then save.",
    }

    def __init__(self, *, brand: Brand, initial: object = None, **how: Any) -> None:
        names = {name: how.pop(name) for name in ("kinds", "kept") if name in how}
        widget = OfferWidget(brand=brand, offer=initial, **names)
        super().__init__(widget=widget, initial=initial, required=False, **how)

    def clean(self, value: Any) -> Any:
        if value is None:
            return self.initial
        if value.action:
            raise forms.ValidationError(self.error_messages["going_on"], code="going_on")
        if not value.is_valid():
            raise forms.ValidationError(self.error_messages["wrong"], code="wrong")
        return value.document

    def has_changed(self, initial: Any, data: Any) -> bool:
        return data is not None and data.document != initial


def describe(offer: object, brand: Brand) -> str:
    """A stored offer as a sentence; empty for what is none."""
    try:
        return describe_offer(parse_offer(offer), brand.currency)
    except OfferInvalid:
        return ""


@require_POST
def form_fragment_view(request: HttpRequest) -> HttpResponse:
    """The offer form again with what was sent, in the shape that a button asked for; or the sentence alone."""
    brands, slug = list_brand_ids(request, BrandPermissions.EDIT), request.GET.get("brand", "")
    found = Brand.objects.filter(slug=slug, is_active=True)
    brand = (found if brands is None else found.filter(pk__in=brands)).first()
    name = request.GET.get("name", "offer")
    if brand is None or not re.fullmatch(r"[a-z_]{1,40}", name):
        raise Http404
    kinds = [kind for kind in request.GET.get("kinds", "").split(",") if kind in BENEFIT_LABELS]
    kept = request.GET.get("kept", "").split(",")
    form = OfferForm(request.POST, brand=brand, kinds=kinds or tuple(BENEFIT_LABELS), kept=kept, prefix=name)
    template = "admin/promotions/offer_description.html" if form.action == "words" else TEMPLATE
    return TemplateResponse(request, template, {"offer": form})
