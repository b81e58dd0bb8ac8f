"""Form of a coupon: title, dates, offer, limits and codes."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from accounts.models import Brand
from backoffice.base.form_fields import AwareDateTimeFormField, TextFormField, add_service_errors, keep_untouched
from core.errors import DomainError
from coupons import services
from coupons.models import CouponDefinition
from promotions.admin.limit_fields import (
    OFFER_LIMIT_FIELDS,
    LimitFields,
    get_limit_values,
    integer_field,
    strategy_field,
)
from promotions.admin.offer_field import OfferField
from redemptions.admin.code_forms import CODE_INPUT_ATTRS
from redemptions.api.limits import MAX_LIMIT
from redemptions.codes.rules import DEFAULT_PATTERN
from redemptions.codes.services import MAX_BATCH_SIZE
from redemptions.errors import CodeTaken, PatternTooWeak
from redemptions.limits.models import Strategy

MAXIMUM, PER_USER, STRATEGY = "maximum_number_of_coupons", "maximum_number_of_coupons_per_user", "limit_strategy"
RECOMMENDATION_FIELDS = ("expected_redemptions_first_minute", "redeemed_at_checkout")
MODEL_FIELDS = ("title", "start_date", "end_date", "offer", MAXIMUM, PER_USER, STRATEGY)
CODE_FIELDS = ("code", "count", "pattern")  # of a new coupon
FIELDS = {name: name for name in (*MODEL_FIELDS, *OFFER_LIMIT_FIELDS, "count", "pattern")} | {"codes.shared": "code"}


class CouponForm(LimitFields):
    """Form of a new coupon, or of the fields that can still change (``coupon``)."""

    title = TextFormField(
        label=_("Title"), max_length=100, help_text=_("Shown to customers."), widget=UnfoldAdminTextInputWidget()
    )
    start_date = AwareDateTimeFormField(label=_("Starts"))
    end_date = AwareDateTimeFormField(is_end=True, label=_("Ends"))
    maximum_number_of_coupons = integer_field(
        _("Total usage limit"), 1, MAX_LIMIT, _("Leave blank for no limit.")
    )  # fmt: skip
    maximum_number_of_coupons_per_user = integer_field(
        _("Usage limit per customer"), 1, MAX_LIMIT, _("Leave blank for no limit.")
    )
    limit_strategy = strategy_field(Strategy.EXACT)
    expected_redemptions_first_minute = integer_field(
        _("Expected redemptions in the first minute"), 0, MAX_LIMIT, _("Used only to recommend a counting method.")
    )
    redeemed_at_checkout = forms.BooleanField(
        label=_("Redeemable only at checkout"), required=False, widget=UnfoldBooleanSwitchWidget()
    )
    code = TextFormField(
        label=_("Generic code"),
        required=False,
        max_length=64,
        widget=UnfoldAdminTextInputWidget(attrs=CODE_INPUT_ATTRS),
        help_text=_("Customers enter it at checkout. Leave blank if no code is needed."),
    )
    count = integer_field(_("Number of single-use codes"), 1, MAX_BATCH_SIZE, _("Leave blank for none."))
    pattern = TextFormField(
        label=_("Code pattern"),
        required=False,
        max_length=64,
        initial=DEFAULT_PATTERN,
        widget=UnfoldAdminTextInputWidget(attrs=CODE_INPUT_ATTRS),
        help_text=_("Each # becomes a random character. Example: SUMMER-########"),
    )

    def __init__(self, data: Any = None, *, brand: Brand, at: datetime, coupon: CouponDefinition | None = None) -> None:
        initial = {name: getattr(coupon, name) for name in MODEL_FIELDS} if coupon else {}
        initial |= get_limit_values(coupon) if coupon else {}
        super().__init__(data, initial=initial, use_required_attribute=False)
        self.brand, self.coupon = brand, coupon
        self.fields["offer"] = OfferField(brand=brand, initial=initial.get("offer"), label=_("Offer"))
        self.add_amount_fields()
        locked_fields = services.locked_fields(coupon=coupon, at=at) | set(CODE_FIELDS) if coupon else set()
        if STRATEGY in locked_fields:
            locked_fields |= set(RECOMMENDATION_FIELDS)
        for name in locked_fields:
            del self.fields[name]

    def clean_start_date(self) -> datetime:
        return keep_untouched(self.cleaned_data["start_date"], getattr(self.coupon, "start_date", None))

    def clean_end_date(self) -> datetime:
        return keep_untouched(self.cleaned_data["end_date"], getattr(self.coupon, "end_date", None))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("code") and cleaned.get("count"):
            self.add_error("count", _("Choose either a generic code or single-use codes, not both."))
        return cleaned

    def values(self) -> dict[str, Any]:
        """Return the model fields as the services expect them; for an existing coupon, those that changed."""
        values = {name: self.cleaned_data[name] for name in MODEL_FIELDS if name in self.fields} | self.limit_values()
        if self.coupon is None:
            return values
        return {name: value for name, value in values.items() if value != getattr(self.coupon, name)}

    def codes(self) -> services.CodesSpec | None:
        """Return the codes of a new coupon; None if it needs no code."""
        cleaned = self.cleaned_data
        if cleaned["code"]:
            return services.CodesSpec(shared=cleaned["code"])
        if cleaned["count"]:
            return services.CodesSpec(count=cleaned["count"], pattern=cleaned["pattern"] or DEFAULT_PATTERN)
        return None

    def add_service_errors(self, error: DomainError) -> None:
        """Add the errors of a service to their fields."""
        name = {CodeTaken: "code", PatternTooWeak: "pattern"}.get(type(error))
        if name in self.fields:
            self.add_error(name, error.detail)
        else:
            add_service_errors(self, error, FIELDS | dict.fromkeys(_offer_fields(error), "offer"), "title")

    # --- groups of fields -------------------------------------------------------------------------------------------
    def bound_fields(self, *names: str) -> list[forms.BoundField]:
        """Return those of the named fields that the form has."""
        return [self[name] for name in names if name in self.fields]

    @property
    def text_fields(self) -> list[forms.BoundField]:
        """Title."""
        return self.bound_fields("title")

    @property
    def date_fields(self) -> list[forms.BoundField]:
        """Start and end."""
        return self.bound_fields("start_date", "end_date")

    @property
    def limit_fields(self) -> list[forms.BoundField]:
        """Usage limits."""
        return self.bound_fields(MAXIMUM, PER_USER)

    @property
    def strategy_fields(self) -> list[forms.BoundField]:
        """Counting method, and what its recommendation depends on."""
        return self.bound_fields(STRATEGY, *RECOMMENDATION_FIELDS)

    @property
    def code_fields(self) -> list[forms.BoundField]:
        """Generic code or single-use codes."""
        return self.bound_fields(*CODE_FIELDS)


def _offer_fields(error: DomainError) -> list[str]:
    """Return the fields of the error that are inside the offer."""
    return [field_error["field"] for field_error in error.errors or [] if field_error["field"].startswith("offer")]
