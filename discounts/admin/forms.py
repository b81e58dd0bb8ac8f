"""Forms that create and change discount codes and rules of one brand."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    DATETIME_CLASSES,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.models import Brand
from backoffice.base.form_fields import AwareDateTimeFormField, TextFormField, add_service_errors, keep_untouched
from core import money
from core.errors import DomainError
from core.message_languages import translate
from discounts import services
from discounts.models import DiscountCode, DiscountRule
from discounts.selectors.codes import list_recent_rules
from promotions.admin.limit_fields import (
    OFFER_LIMIT_FIELDS,
    TOTAL_FIELDS,
    LimitFields,
    get_limit_values,
    integer_field,
    strategy_field,
)
from promotions.admin.offer_field import OfferField
from redemptions.api.limits import MAX_LIMIT
from redemptions.limits.models import Strategy
from redemptions.statuses import OfferDecision
from segments.selectors import list_segment_types

NEW_RULE_CHOICE = ""
MAX_RULES = 200  # choices of the select; older rules can be used through the API
FIELDS = {
    "id": "text",
    "rule": "existing",
    "rule.discount": "discount",
    "rule.audience": "audience",
    "rule.name": "name",
    "rule.conditions.0.value": "minimum",
    "conditions.0.value": "minimum",
    "start_date": "start_date",
    "validity": "end_date",
    "end_date": "end_date",
    **{name: name for name in (*TOTAL_FIELDS, *OFFER_LIMIT_FIELDS)},
}


def map_fields(error: DomainError) -> dict[str, str]:
    """Return the form's fields by the paths of a service's errors: those inside the offer are errors of its field."""
    paths = (field_error["field"] for field_error in error.errors or [])
    return FIELDS | {path: "offer" for path in paths if path.startswith("rule.offer")}


class LocalDateTimeInput(forms.DateTimeInput):
    """The browser's own date and time picker, to the second."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(
            format="%Y-%m-%dT%H:%M:%S", attrs={"step": "1", "class": " ".join([*DATETIME_CLASSES, "max-w-2xl"])}
        )


def start_field(*, is_required: bool = False) -> AwareDateTimeFormField:
    """Build the field for the start. The brand's time zone must be active."""
    return AwareDateTimeFormField(
        label=_("Valid from"),
        required=is_required,
        widget=LocalDateTimeInput(),
        help_text="" if is_required else _("Leave blank to start now."),
    )


def end_field(brand: Brand) -> AwareDateTimeFormField:
    """Build the field for the end. The brand's time zone must be active."""
    return AwareDateTimeFormField(
        is_end=True,
        label=_("Valid until"),
        widget=LocalDateTimeInput(),
        help_text=gettext("Times are in %(timezone)s.") % {"timezone": brand.timezone},
    )


def announcement_field() -> forms.BooleanField:
    """Build the field that decides whether the code is announced."""
    return forms.BooleanField(
        label=_("Announce by email"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=_("Sent once, when the code is active, to customers who subscribed to offers."),
    )


PERCENTAGE, OTHER = "percentage", "other"
CONDITIONAL_FIELDS = {  # which are shown
    "discount": f"discount_type != '{OTHER}'",
    "minimum": f"discount_type != '{OTHER}'",
    "offer": f"discount_type == '{OTHER}'",
}


class NewRuleFields(forms.Form):
    """Fields of a new rule: percentage and minimum subtotal or another offer, name and audience."""

    discount_type = forms.ChoiceField(
        label=_("Discount type"),
        choices=[(PERCENTAGE, _("Percentage off the order")), (OTHER, _("Other offer"))],
        initial=PERCENTAGE,
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )

    discount = forms.IntegerField(
        label=_("Discount (%)"),
        required=False,
        min_value=1,
        max_value=99,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "max": 99, "inputmode": "numeric"}),
        help_text=_("Whole number from 1 to 99."),
    )
    name = TextFormField(
        label=_("Name"),
        required=False,
        max_length=100,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Shown at checkout. Defaults to the discount."),
    )
    audience = forms.ChoiceField(
        label=_("Customer eligibility"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text=_("Only customers in this audience."),
    )
    minimum = TextFormField(
        label=_("Minimum subtotal"), required=False, max_length=20, widget=UnfoldAdminTextInputWidget()
    )

    brand: Brand

    def populate_choices(self) -> None:
        """Set the choices and help texts that depend on the brand."""
        types = [(name, name.replace("_", " ")) for name in list_segment_types(brand_id=self.brand.pk)]
        self.fields["audience"].choices = [("", gettext("Everyone")), *types]  # type: ignore[attr-defined]
        currency = self.brand.currency
        example = money.format_decimal(50 * 10 ** money.decimals(currency), currency)
        self.fields["offer"] = OfferField(brand=self.brand, label=gettext("Offer"))
        self.fields["minimum"].help_text = gettext(
            "Amount in %(currency)s. Example: %(amount)s. Leave blank for no minimum."
        ) % {"currency": currency, "amount": example}

    def clean_minimum(self) -> str:
        text = str(self.cleaned_data["minimum"]).strip()
        if not text:
            return ""
        try:
            minor_units = money.parse(re.sub(r"(?<=\d),(?=\d{1,2}\Z)", ".", text), self.brand.currency)
        except ValueError as error:
            raise forms.ValidationError(translate(error.args[0])) from error
        if minor_units <= 0:
            raise forms.ValidationError(gettext("Enter an amount greater than 0, or leave blank."))
        return money.format_decimal(minor_units, self.brand.currency)

    def clean(self) -> dict[str, Any]:
        """Ignore errors of an offer that isn't chosen."""
        cleaned = super().clean() or self.cleaned_data
        if not self.is_other_offer:
            self.errors.pop("offer", None)
        return cleaned

    @property
    def is_other_offer(self) -> bool:
        """Whether the discount is another offer than a percentage off the order."""
        return bool(self.cleaned_data.get("discount_type") == OTHER)

    def rule_fields(self) -> dict[str, Any]:
        """Return the fields of the new rule for ``services.create_rule``."""
        data = self.cleaned_data
        rule: dict[str, Any] = {"name": data["name"], "audience": data["audience"]}
        if self.is_other_offer:
            return rule | {"offer": data["offer"]}
        rule["discount"] = data["discount"]
        if data["minimum"]:
            rule["conditions"] = [{"kind": "min_subtotal", "value": data["minimum"]}]
        return rule


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A model form whose ``clean`` creates the object with a service."""

    def _post_clean(self) -> None:
        """Skip the validation of the object, which the service has created."""

    def save(self, commit: bool = True) -> Any:
        return self.instance

    def save_m2m(self) -> None:
        """Do nothing: the object has no many-to-many fields."""


class RuleForm(NewRuleFields, ServiceForm):
    """Form that creates a rule without a code."""

    class Meta:
        model = DiscountRule
        fields = ("name",)

    def __init__(self, *args: Any, brand: Brand, by: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.brand = brand
        self.populate_choices()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.is_other_offer and cleaned.get("discount") is None and "discount" not in self.errors:
            self.add_error("discount", gettext("Enter a percentage."))
        if not self.errors:
            try:
                self.instance = services.create_rule(brand=self.brand, fields=self.rule_fields())
            except DomainError as error:
                add_service_errors(self, error, map_fields(error), "discount")
        return cleaned


class RenameRuleForm(ServiceForm):
    """Form that renames a rule."""

    class Meta:
        model = DiscountRule
        fields = ("name",)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.instance = services.rename_rule(rule=self.instance, name=cleaned["name"])
            except DomainError as error:
                add_service_errors(self, error, FIELDS, "name")
        return cleaned


class CodeForm(NewRuleFields, LimitFields, ServiceForm):
    """Form that creates the draft of a code with an existing rule or a new one."""

    text = TextFormField(
        label=_("Code"),
        max_length=64,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
        help_text=_("3 to 64 letters, digits, hyphens or underscores. Not case-sensitive."),
    )
    existing = forms.ChoiceField(
        label=_("Discount"),
        required=False,
        widget=UnfoldAdminSelect2Widget(),
        help_text=_("Or describe a new discount below."),
    )
    notify = announcement_field()
    limit_total = integer_field(_("Total usage limit"), 1, MAX_LIMIT)
    limit_strategy = strategy_field(Strategy.SHARDED)

    class Meta:
        model = DiscountCode
        fields = ()

    def __init__(self, *args: Any, brand: Brand, by: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.brand, self.by = brand, by
        self.fields |= {"start_date": start_field(), "end_date": end_field(brand)}
        self.rules = {str(rule.pk): rule for rule in list_recent_rules(brand=brand, limit=MAX_RULES)}
        choices = [(key, rule_label(rule)) for key, rule in self.rules.items()]
        self.fields["existing"].choices = [  # type: ignore[attr-defined]
            (NEW_RULE_CHOICE, gettext("New discount")),
            *choices,
        ]
        self.populate_choices()
        self.add_amount_fields()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        is_missing = cleaned.get("discount") is None and not self.is_other_offer
        if not cleaned.get("existing") and is_missing and "discount" not in self.errors:
            self.add_error("discount", gettext("Enter a percentage or select an existing discount."))
        if not self.errors:
            self._create(cleaned)
        return cleaned

    def _create(self, cleaned: Mapping[str, Any]) -> None:
        rule = self.rules[cleaned["existing"]].pk if cleaned["existing"] else self.rule_fields()
        try:
            self.instance = services.create_code(
                brand=self.brand,
                text=cleaned["text"],
                rule=rule,
                start_date=cleaned["start_date"],
                validity=cleaned["end_date"],
                notify=cleaned["notify"],
                is_draft=True,
                by=self.by,
                at=timezone.now(),
                limits=self.limit_values() | {name: cleaned[name] for name in TOTAL_FIELDS},
            )
        except DomainError as error:
            add_service_errors(self, error, map_fields(error), "text")


class ChangeCodeForm(LimitFields, ServiceForm):
    """Form that changes the dates and limits of a code, and whether a draft is announced.

    The start is left out once it has passed.
    """

    notify = announcement_field()
    limit_total = integer_field(_("Total usage limit"), 1, MAX_LIMIT)
    limit_strategy = strategy_field(Strategy.SHARDED)

    class Meta:
        model = DiscountCode
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = self.instance
        self.brand = code.brand
        self.add_amount_fields()
        self.initial.update(get_limit_values(code), **{name: getattr(code, name) for name in TOTAL_FIELDS})
        locked = services.locked_fields(code=code, at=timezone.now())
        self.initial["notify"] = code.notify
        if code.decision != OfferDecision.DRAFT:
            del self.fields["notify"]
        if "limit_strategy" in locked:
            del self.fields["limit_strategy"]
        dates = {"start_date": start_field(is_required=True), "end_date": end_field(code.brand)}
        self.dates = {name: getattr(code, name) for name in dates.keys() - locked}
        self.fields |= {name: field for name, field in dates.items() if name in self.dates}
        self.initial.update(self.dates)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            picked = {name: keep_untouched(cleaned[name], self.dates[name], seconds=True) for name in self.dates}
            picked |= self.limit_values() | {
                name: cleaned[name] for name in (*TOTAL_FIELDS, "notify") if name in self.fields
            }
            changed = {name: value for name, value in picked.items() if value != getattr(self.instance, name)}
            try:
                if changed:
                    self.instance = services.change_code(code=self.instance, fields=changed, at=timezone.now())
            except DomainError as error:
                add_service_errors(self, error, FIELDS, "end_date")
        return cleaned


def rule_label(rule: DiscountRule) -> str:
    """Return the label of a rule in a select: discount, name and audience."""
    parts = [rule.summary]
    if rule.name:
        parts.append(rule.name)
    if rule.audience:
        parts.append(gettext("for %(audience)s") % {"audience": rule.audience.replace("_", " ")})
    return " \N{MIDDLE DOT} ".join(parts)
