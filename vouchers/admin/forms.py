"""The forms of a campaign: everything of a new one, and what may still change of one that is there."""

from datetime import datetime
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from accounts.models import Brand
from backoffice.base.form_fields import AwareDateTimeFormField, add_service_errors, keep_untouched
from core.errors import DomainError
from promotions.admin.offer_field import OfferField
from vouchers.errors import SlugTaken
from vouchers.models import MAX_QUOTA, MAX_VALID_DAYS, Campaign, default_offer

WORDS, WHEN = ("name", "slug", "description"), ("starts_at", "ends_at")
VOUCHERS = ("quota", "voucher_type", "voucher_valid_days", "pass_on")


def number(label: str, high: int, initial: int, hint: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=1, max_value=high, initial=initial, help_text=hint,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"inputmode": "numeric", "min": 1}),
    )  # fmt: skip


def text(label: str, length: int, hint: str = "", **how: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=length, help_text=hint, widget=UnfoldAdminTextInputWidget(), **how
    )  # fmt: skip


class CampaignForm(forms.Form):
    """A new campaign of a brand."""

    name = text("Name", 100, "Shoppers read it")
    slug = forms.SlugField(
        label="Slug", max_length=64, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="What apps call it by, such as spring-top-up; it never changes",
    )  # fmt: skip
    description = text("On the voucher", 200, "What shoppers read there; what it gives, when empty", required=False)
    starts_at = AwareDateTimeFormField(label="Starts")
    ends_at = AwareDateTimeFormField(label="Ends")
    quota = number("Vouchers", MAX_QUOTA, 100, "For the first so many who sign in")
    voucher_type = text("For transactions of type", 50, "Such as topup", initial="topup")
    voucher_valid_days = number("Good for days", MAX_VALID_DAYS, 30, "After it was won")
    pass_on = forms.BooleanField(
        label="What is revoked, or expires unused, goes to the next in line", required=False,
        widget=UnfoldBooleanSwitchWidget(),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, brand: Brand) -> None:
        super().__init__(data, use_required_attribute=False)
        self.fields["offer"] = OfferField(brand=brand, initial=default_offer(), label="Offer")

    def add_service_errors(self, refusal: DomainError) -> None:
        """Show what a service refused at its field."""
        at = "slug" if isinstance(refusal, SlugTaken) else ""
        for fault in refusal.errors or [{"field": at, "detail": refusal.detail}]:
            name = fault["field"].split(".")[0]
            self.add_error(name if name in self.fields else None, fault["detail"])

    @property
    def text_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in WORDS]

    @property
    def date_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in WHEN]

    @property
    def voucher_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in VOUCHERS]


class ExtendForm(forms.Form):
    """More vouchers, or a later end."""

    quota = number("Vouchers", MAX_QUOTA, 100, "Who came too late before is served first")
    ends_at = AwareDateTimeFormField(label="Ends")

    def __init__(self, data: Any = None, *, campaign: Campaign) -> None:
        initial = {"quota": campaign.counter.quota, "ends_at": campaign.end_date}
        super().__init__(data, initial=initial, use_required_attribute=False)
        self.campaign = campaign

    def clean_ends_at(self) -> datetime:
        return keep_untouched(self.cleaned_data["ends_at"], self.campaign.end_date)

    def add_service_errors(self, refusal: DomainError) -> None:
        """Show what the service refused at its field."""
        add_service_errors(self, refusal, {name: name for name in self.fields}, "")
