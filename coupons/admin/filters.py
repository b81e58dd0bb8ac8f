"""Filters that the pages of coupons share: brand, coupon, code and days."""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Brand
from backoffice.base.admin import list_brand_ids
from backoffice.base.form_fields import DateFormField, TextFormField
from core.permissions import BrandPermissions
from coupons import selectors
from coupons.models import CouponDefinition
from redemptions.codes.rules import CODE_FORMAT_MESSAGE, normalize_code
from redemptions.results.rules import EARLIEST, LATEST

MAX_COUPONS = 200  # newest coupons to choose from


class CouponFilterForm(forms.Form):
    """Filter for the coupons of one of ``brands``. The page shows field errors instead of results."""

    brand = forms.ChoiceField(label=gettext_lazy("Brand"), required=False, widget=UnfoldAdminSelectWidget())
    coupon = forms.ChoiceField(label=gettext_lazy("Coupon"), required=False, widget=UnfoldAdminSelectWidget())
    code = TextFormField(label=gettext_lazy("Code"), required=False, max_length=64, widget=UnfoldAdminTextInputWidget())
    since = DateFormField(required=False, label=gettext_lazy("From"))
    until = DateFormField(required=False, label=gettext_lazy("To"), is_end=True)

    def __init__(self, parameters: Mapping[str, str], *, brands: list[Brand]) -> None:
        self.selected_coupon = _find_coupon(parameters.get("coupon", ""), brands)
        self.selected_brand = (
            self.selected_coupon.brand if self.selected_coupon else _brand_by_slug(parameters.get("brand", ""), brands)
        )
        super().__init__(self.get_defaults(parameters) | dict(parameters) | {"brand": self.selected_brand.slug})
        self.fields["brand"].choices = [(brand.slug, brand.name) for brand in brands]  # type: ignore[attr-defined]
        if len(brands) < 2:
            self.fields["brand"].widget = forms.HiddenInput()
        coupons = selectors.list_recent(brand=self.selected_brand, limit=MAX_COUPONS)
        if self.selected_coupon is not None and self.selected_coupon not in coupons:
            coupons = [self.selected_coupon, *coupons]
        choices = [("", _("All coupons")), *((str(coupon.pk), coupon.title) for coupon in coupons)]
        self.fields["coupon"].choices = choices  # type: ignore[attr-defined]

    def get_defaults(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Return the values of the fields that the query string leaves out."""
        return {}

    def clean_code(self) -> str:
        text = self.cleaned_data["code"]
        code = normalize_code(text) if text else ""
        if code is None:
            raise forms.ValidationError(CODE_FORMAT_MESSAGE)
        return code

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in ("since", "until"):
            day: date | None = cleaned.get(name)
            if day and not EARLIEST.year < day.year < LATEST.year:
                years = {"first": EARLIEST.year, "last": LATEST.year}
                self.add_error(name, _("Enter a date between %(first)s and %(last)s.") % years)
        if cleaned.get("since") and cleaned.get("until") and cleaned["until"] < cleaned["since"]:
            self.add_error("until", _("The end date must be on or after the start date."))
        return cleaned


def _find_coupon(text: str, brands: list[Brand]) -> CouponDefinition | None:
    """Return the coupon with this ID if it belongs to one of the brands."""
    try:
        pk = uuid.UUID(text)
    except ValueError:
        return None
    return selectors.find_for_brands(pk=pk, brands=brands)


def _brand_by_slug(slug: str, brands: list[Brand]) -> Brand:
    return next((brand for brand in brands if brand.slug == slug), brands[0])


def readable_brands(request: HttpRequest) -> list[Brand]:
    """Return the brands whose objects the user may read, by name. Raises PermissionDenied if there are none."""
    brand_ids, brands = list_brand_ids(request, BrandPermissions.READ), Brand.objects.order_by("name")
    if brand_ids == []:
        raise PermissionDenied
    return list(brands if brand_ids is None else brands.filter(pk__in=brand_ids))
