"""The form of a coupon: what it is called, when it runs, what it gives, its limits, and what opens it."""

from datetime import datetime
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from accounts.models import Brand
from backoffice.base.form_fields import AwareDateTimeFormField, add_service_errors, keep_untouched
from core.errors import DomainError
from coupons import services
from coupons.models import CouponDefinition, Strategy
from promotions.admin.batch_forms import DEFAULT_CHARSET
from promotions.admin.offer_field import OfferField
from promotions.admin.promotion_form import integer_field
from promotions.code_rules import DEFAULT_PATTERN
from promotions.errors import CodeTaken, PatternTooWeak
from promotions.services import MAX_BATCH_SIZE

MAX_LIMIT = 2_000_000_000
MAXIMUM, PER_USER, STRATEGY = "maximum_number_of_coupons", "maximum_number_of_coupons_per_user", "limit_strategy"
MODEL_FIELDS = ("title", "start_date", "end_date", "offer", MAXIMUM, PER_USER, STRATEGY)  # fields of the model
CODE_FIELDS = ("code", "count", "pattern")  # what opens a new coupon
FIELDS = {name: name for name in MODEL_FIELDS} | {"codes.shared": "code", "count": "count", "pattern": "pattern"}
STRATEGY_LABELS = {
    Strategy.EXACT: "Exact: one counter",
    Strategy.SHARDED: "Sharded: sixteen counters",
    Strategy.POOL: "Pool: units made ahead",
    Strategy.APPROXIMATE: "Approximate: may exceed a little",
}


class CouponForm(forms.Form):
    """A new coupon of a brand, or what may still change of one (``coupon``)."""

    title = forms.CharField(
        label="Title", max_length=100, help_text="Shoppers read it", widget=UnfoldAdminTextInputWidget()
    )  # fmt: skip
    start_date = AwareDateTimeFormField(label="Starts")
    end_date = AwareDateTimeFormField(label="Ends")
    maximum_number_of_coupons = integer_field("Redemptions in all", 1, MAX_LIMIT, "Empty for no limit")
    maximum_number_of_coupons_per_user = integer_field("Redemptions of one shopper", 1, MAX_LIMIT, "Empty for no limit")
    limit_strategy = forms.ChoiceField(
        label="How the number in all is kept", choices=list(STRATEGY_LABELS.items()), initial=Strategy.EXACT,
        widget=UnfoldAdminSelectWidget(),
    )  # fmt: skip
    expected_redemptions_first_minute = integer_field(
        "Expected in the first minute", 0, MAX_LIMIT, "Redemptions; only to advise you"
    )
    redeemed_at_checkout = forms.BooleanField(
        label="Redeemed at checkout, within orders", required=False, widget=UnfoldBooleanSwitchWidget()
    )
    code = forms.CharField(
        label="One code for everyone", required=False, max_length=64, widget=UnfoldAdminTextInputWidget(attrs=DEFAULT_CHARSET),
        help_text="Needed at checkout; empty for none",
    )  # fmt: skip
    count = integer_field("Codes that are good once each", 1, MAX_BATCH_SIZE, "How many; empty for none")
    pattern = forms.CharField(
        label="Their pattern", required=False, max_length=64, initial=DEFAULT_PATTERN,
        widget=UnfoldAdminTextInputWidget(attrs=DEFAULT_CHARSET),
        help_text="Each # is drawn at random; letters, digits, - and _ stay, as in SUMMER-########",
    )  # fmt: skip

    def __init__(self, data: Any = None, *, brand: Brand, at: datetime, coupon: CouponDefinition | None = None) -> None:
        found = {name: getattr(coupon, name) for name in MODEL_FIELDS} if coupon else {}
        super().__init__(data, initial=found, use_required_attribute=False)
        self.brand, self.coupon = brand, coupon
        self.fields["offer"] = OfferField(brand=brand, initial=found.get("offer"), label="Offer")
        fixed = services.locked_fields(coupon=coupon, at=at) | set(CODE_FIELDS) if coupon else set()
        if STRATEGY in fixed:
            fixed |= {"expected_redemptions_first_minute", "redeemed_at_checkout"}
        for name in fixed:
            del self.fields[name]

    def clean_start_date(self) -> datetime:
        return keep_untouched(self.cleaned_data["start_date"], getattr(self.coupon, "start_date", None))

    def clean_end_date(self) -> datetime:
        return keep_untouched(self.cleaned_data["end_date"], getattr(self.coupon, "end_date", None))

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if found.get("code") and found.get("count"):
            self.add_error("count", "Either one code for everyone or codes that are good once each.")
        return found

    def values(self) -> dict[str, Any]:
        """The fields of the model, as the services take them; of a coupon that is there, those that differ."""
        found = {name: self.cleaned_data[name] for name in MODEL_FIELDS if name in self.fields}
        if self.coupon is None:
            return found
        return {name: value for name, value in found.items() if value != getattr(self.coupon, name)}

    def codes(self) -> services.CodesSpec | None:
        """What opens a new coupon; None: nothing is needed."""
        asked = self.cleaned_data
        if asked["code"]:
            return services.CodesSpec(shared=asked["code"])
        return (
            services.CodesSpec(count=asked["count"], pattern=asked["pattern"] or DEFAULT_PATTERN)
            if asked["count"]
            else None
        )

    def add_service_errors(self, refusal: DomainError) -> None:
        """Show what a service refused at its field."""
        at = {CodeTaken: "code", PatternTooWeak: "pattern"}.get(type(refusal))
        if at in self.fields:
            self.add_error(at, refusal.detail)
        else:
            add_service_errors(self, refusal, FIELDS | dict.fromkeys(_of_offer(refusal), "offer"), "title")

    # --- what the page shows -----------------------------------------------------------------------------------------
    def group(self, *names: str) -> list[forms.BoundField]:
        return [self[name] for name in names if name in self.fields]

    @property
    def text_fields(self) -> list[forms.BoundField]:
        return self.group("title")

    @property
    def date_fields(self) -> list[forms.BoundField]:
        return self.group("start_date", "end_date")

    @property
    def limits(self) -> list[forms.BoundField]:
        return self.group(MAXIMUM, PER_USER)

    @property
    def strategy_fields(self) -> list[forms.BoundField]:
        return self.group(STRATEGY, "rush", "within_orders")

    @property
    def code_fields(self) -> list[forms.BoundField]:
        return self.group(*CODE_FIELDS)


def _of_offer(refusal: DomainError) -> list[str]:
    return [fault["field"] for fault in refusal.errors or [] if fault["field"].startswith("offer")]
