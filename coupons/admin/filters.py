"""What pages of coupons are asked: of which brand, of one coupon or of all, in which days."""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Brand
from backoffice.base.admin import list_brand_ids
from backoffice.base.form_fields import DateFormField
from core.permissions import BrandPermissions
from coupons.models import CouponDefinition
from coupons.services import reports
from promotions.code_rules import normalize_code

COUPONS = 200  # the newest, to choose from


class CouponFilterForm(forms.Form):
    """A question to one of ``brands``. What is wrong with a field stands beside it, and nothing is shown then."""

    brand = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())
    coupon = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())
    code = forms.CharField(required=False, max_length=64, widget=UnfoldAdminTextInputWidget())
    since = DateFormField(required=False, label="From")
    until = DateFormField(required=False, label="To")

    def __init__(self, asked: Mapping[str, str], *, brands: list[Brand]) -> None:
        self.chosen = _coupon(asked.get("coupon", ""), brands)
        self.whose = self.chosen.brand if self.chosen else _brand_by_slug(asked.get("brand", ""), brands)
        super().__init__(self.get_defaults(asked) | dict(asked) | {"brand": self.whose.slug})
        self.fields["brand"].choices = [(brand.slug, brand.name) for brand in brands]  # type: ignore[attr-defined]
        if len(brands) < 2:
            self.fields["brand"].widget = forms.HiddenInput()
        newest = list(CouponDefinition.objects.filter(brand=self.whose).order_by("-pk")[:COUPONS])
        shown = newest if self.chosen is None or self.chosen in newest else [self.chosen, *newest]
        every = [("", "All coupons"), *((str(coupon.pk), coupon.title) for coupon in shown)]
        self.fields["coupon"].choices = every  # type: ignore[attr-defined]

    def get_defaults(self, asked: Mapping[str, str]) -> dict[str, str]:
        """What is meant where nothing is said."""
        return {}

    def clean_code(self) -> str:
        text = self.cleaned_data["code"]
        normal = normalize_code(text) if text else ""
        if normal is None:
            raise forms.ValidationError("A code is 3 to 64 of A-Z, 0-9, _ and -.")
        return normal

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in ("since", "until"):
            day: date | None = cleaned.get(name)
            if day and not reports.EARLIEST.year < day.year < reports.LATEST.year:
                self.add_error(name, f"Choose a day between {reports.EARLIEST.year} and {reports.LATEST.year}.")
        if cleaned.get("since") and cleaned.get("until") and cleaned["until"] < cleaned["since"]:
            self.add_error("until", "The last day comes before the first.")
        return cleaned


def _coupon(text: str, brands: list[Brand]) -> CouponDefinition | None:
    """The coupon of this id, if it is one of the brands'."""
    try:
        key = uuid.UUID(text)
    except ValueError:
        return None
    return CouponDefinition.objects.select_related("brand").filter(pk=key, brand__in=brands).first()


def _brand_by_slug(slug: str, brands: list[Brand]) -> Brand:
    return next((brand for brand in brands if brand.slug == slug), brands[0])


def readable_brands(request: HttpRequest) -> list[Brand]:
    """The brands whose objects the user may read, by name. Raises PermissionDenied when they may read none's."""
    keys, rows = list_brand_ids(request, BrandPermissions.READ), Brand.objects.order_by("name")
    if keys == []:
        raise PermissionDenied
    return list(rows if keys is None else rows.filter(pk__in=keys))
