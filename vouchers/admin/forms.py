"""Forms that create and extend campaigns."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from accounts.models import Brand
from backoffice.base.form_fields import AwareDateTimeFormField, TextFormField, add_service_errors, keep_untouched
from core.errors import DomainError
from promotions.admin.limit_fields import LimitFields, get_limit_values
from promotions.admin.offer_field import OfferField
from vouchers.errors import SlugTaken
from vouchers.models import MAX_QUOTA, MAX_VALID_DAYS, Campaign, default_offer

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

TEXT_FIELDS, DATE_FIELDS = ("name", "slug", "description"), ("start_date", "end_date")
VOUCHER_FIELDS = ("quota", "voucher_type", "voucher_valid_days", "reassign_unused")


def _integer_field(
    label: "str | StrPromise", max_value: int, initial: int, help_text: "str | StrPromise" = ""
) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=1, max_value=max_value, initial=initial, help_text=help_text,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"inputmode": "numeric", "min": 1}),
    )  # fmt: skip


def _text_field(
    label: "str | StrPromise", max_length: int, help_text: "str | StrPromise" = "", **options: Any
) -> TextFormField:
    return TextFormField(
        label=label, max_length=max_length, help_text=help_text, widget=UnfoldAdminTextInputWidget(), **options
    )


class CampaignForm(LimitFields):
    """A new campaign of a brand, or a draft."""

    name = _text_field(_("Name"), 100, _("Shown to customers."))
    slug = forms.SlugField(
        label=_("Slug"), max_length=64, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=_("Used by the API. Can't be changed later. Example: spring-top-up"),
    )  # fmt: skip
    description = _text_field(
        _("Voucher text"), 200, _("Shown on the voucher. Defaults to the discount."), required=False
    )
    start_date = AwareDateTimeFormField(label=_("Starts"))
    end_date = AwareDateTimeFormField(is_end=True, label=_("Ends"))
    quota = _integer_field(_("Vouchers"), MAX_QUOTA, 100, _("First come, first served."))
    voucher_type = _text_field(_("Transaction type"), 50, _("Example: topup"), initial="topup")
    voucher_valid_days = _integer_field(_("Validity (days)"), MAX_VALID_DAYS, 30, _("Days after issue."))
    reassign_unused = forms.BooleanField(
        label=_("Reassign unused vouchers to the waiting list"), required=False, widget=UnfoldBooleanSwitchWidget(),
        help_text=_("Revoked and expired vouchers are reassigned."),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, brand: Brand, campaign: Campaign | None = None) -> None:
        names = (*TEXT_FIELDS, *DATE_FIELDS, *VOUCHER_FIELDS)
        initial = {name: getattr(campaign, name) for name in names if name != "quota"} if campaign else {}
        initial |= {"quota": campaign.counter.quota, **get_limit_values(campaign)} if campaign else {}
        super().__init__(data, initial=initial, use_required_attribute=False)
        offer = campaign.offer if campaign else default_offer()
        self.brand = brand
        self.fields["offer"] = OfferField(brand=brand, initial=offer, label=_("Offer"))
        self.add_amount_fields()

    def add_service_errors(self, error: DomainError) -> None:
        """Add a service's error to the form fields that it names."""
        paths = {path: path.split(".")[0] for path in [field_error["field"] for field_error in error.errors or []]}
        add_service_errors(self, error, paths, "slug" if isinstance(error, SlugTaken) else "")

    @property
    def text_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in TEXT_FIELDS]

    @property
    def date_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in DATE_FIELDS]

    @property
    def voucher_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in VOUCHER_FIELDS]


class ExtendForm(LimitFields):
    """Changes of a published campaign: more vouchers, a later end, and other limits."""

    quota = _integer_field(_("Vouchers"), MAX_QUOTA, 100, _("Customers on the waiting list are served first."))
    end_date = AwareDateTimeFormField(is_end=True, label=_("Ends"))

    def __init__(self, data: Any = None, *, campaign: Campaign) -> None:
        initial = {"quota": campaign.counter.quota, "end_date": campaign.end_date, **get_limit_values(campaign)}
        super().__init__(data, initial=initial, use_required_attribute=False)
        self.campaign, self.brand = campaign, campaign.brand
        self.add_amount_fields()

    def clean_end_date(self) -> datetime:
        return keep_untouched(self.cleaned_data["end_date"], self.campaign.end_date)

    def add_service_errors(self, error: DomainError) -> None:
        """Add a service's error to the form fields that it names."""
        add_service_errors(self, error, {name: name for name in self.fields}, "")
