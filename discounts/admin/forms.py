"""Forms that make codes and rules, one brand at a time."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import (
    DATETIME_CLASSES,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.models import Brand
from backoffice.base.form_fields import AwareDateTimeFormField, add_service_errors, keep_untouched
from backoffice.base.formatting import format_datetime
from core import money
from core.errors import DomainError
from discounts import services
from discounts.models import DiscountCode, DiscountRule
from segments.selectors import list_segment_types

NEW_RULE_CHOICE = ""
NEWEST_RULES = 200  # offered in the select; older ones are reached through the API
FIELDS = {
    "id": "text",
    "rule": "existing",
    "rule.discount": "discount",
    "rule.audience": "audience",
    "rule.name": "name",
    "rule.conditions.0.value": "minimum",
    "conditions.0.value": "minimum",
    "validity": "validity",
}


class LocalDateTimeInput(forms.DateTimeInput):
    """The browser's own picker of a date and time, to the second."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(
            format="%Y-%m-%dT%H:%M:%S", attrs={"step": "1", "class": " ".join([*DATETIME_CLASSES, "max-w-2xl"])}
        )


def validity_field(brand: Brand) -> AwareDateTimeFormField:
    """An instant in the brand's time zone (which is active while the page is made and read)."""
    return AwareDateTimeFormField(
        label="Valid until",
        widget=LocalDateTimeInput(),
        help_text=f"The brand's own time: {brand.timezone}, now {format_datetime(timezone.now(), brand.timezone)}",
    )


class NewRuleFields(forms.Form):
    """What a new rule says: its percentage, for whom, and from which subtotal."""

    discount = forms.IntegerField(
        label="Discount in per cent",
        required=False,
        min_value=1,
        max_value=99,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "max": 99, "inputmode": "numeric"}),
        help_text="A whole percentage, 1 to 99",
    )
    name = forms.CharField(
        label="Name",
        required=False,
        max_length=100,
        widget=UnfoldAdminTextInputWidget(),
        help_text="What shoppers read at checkout; the percentage when empty",
    )
    audience = forms.ChoiceField(label="For whom", required=False, widget=UnfoldAdminSelectWidget())
    minimum = forms.CharField(
        label="Minimum subtotal", required=False, max_length=20, widget=UnfoldAdminTextInputWidget()
    )

    brand: Brand

    def populate_choices(self) -> None:
        """Fill in what depends on the brand."""
        types = [(name, name.replace("_", " ")) for name in list_segment_types(brand_id=self.brand.pk)]
        self.fields["audience"].choices = [("", "Everyone"), *types]  # type: ignore[attr-defined]
        self.fields["audience"].help_text = "Customers in this segment only, as the data platform sends it"
        such = money.format_decimal(50 * 10 ** money.decimals(self.brand.currency), self.brand.currency)
        self.fields["minimum"].help_text = f"In {self.brand.currency}, such as {such}; empty for none"

    def clean_minimum(self) -> str:
        text = str(self.cleaned_data["minimum"]).strip()
        if not text:
            return ""
        try:
            minor = money.parse(re.sub(r"(?<=\d),(?=\d{1,2}\Z)", ".", text), self.brand.currency)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if minor <= 0:
            raise forms.ValidationError("Write an amount above zero, or leave it empty.")
        return money.format_decimal(minor, self.brand.currency)

    def rule_fields(self) -> dict[str, Any]:
        """The fields of the rule that the form describes, as the service takes them."""
        data = self.cleaned_data
        rule: dict[str, Any] = {"discount": data["discount"], "name": data["name"], "audience": data["audience"]}
        if data["minimum"]:
            rule["conditions"] = [{"kind": "min_subtotal", "value": data["minimum"]}]
        return rule


class RuleForm(NewRuleFields, forms.ModelForm):  # type: ignore[type-arg]
    """A rule of a brand that no code has yet."""

    class Meta:
        model = DiscountRule
        fields = ("name",)

    def __init__(self, *args: Any, brand: Brand, by: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.brand = brand
        self.fields["discount"].required = True
        self.populate_choices()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.instance = services.create_rule(brand=self.brand, fields=self.rule_fields())
            except DomainError as refusal:
                add_service_errors(self, refusal, FIELDS, "discount")
        return cleaned

    def _post_clean(self) -> None:
        """The service has made the object."""

    def save(self, commit: bool = True) -> Any:
        return self.instance

    def save_m2m(self) -> None:
        """Nothing more to save."""


class CodeForm(NewRuleFields, forms.ModelForm):  # type: ignore[type-arg]
    """Makes a code, of one of the brand's rules or a new one."""

    text = forms.CharField(
        label="Code",
        max_length=64,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
        help_text="3 to 64 letters, digits, hyphens and underscores, such as AHMED2026BILLO; whatever the case",
    )
    existing = forms.ChoiceField(
        label="Discount", required=False, widget=UnfoldAdminSelectWidget(), help_text="A new one is described below"
    )
    notify = forms.BooleanField(
        label="Announce by e-mail",
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget(),
        help_text="To everyone who agreed to get offers, once",
    )

    class Meta:
        model = DiscountCode
        fields = ()

    def __init__(self, *args: Any, brand: Brand, by: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.brand, self.by = brand, by
        self.fields["validity"] = validity_field(brand)
        rules = DiscountRule.objects.filter(brand=brand).order_by("-created_at")[:NEWEST_RULES]
        self.rules = {str(rule.pk): rule for rule in rules}
        named = [(key, rule_label(rule)) for key, rule in self.rules.items()]
        self.fields["existing"].choices = [(NEW_RULE_CHOICE, "A new discount"), *named]  # type: ignore[attr-defined]
        self.populate_choices()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("existing") and cleaned.get("discount") is None and "discount" not in self.errors:
            self.add_error("discount", "Write a percentage, or choose a discount that is there already.")
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
                validity=cleaned["validity"],
                notify=cleaned["notify"],
                by=self.by,
                at=timezone.now(),
            )
        except DomainError as refusal:
            add_service_errors(self, refusal, FIELDS, "text")

    def _post_clean(self) -> None:
        """The service has made the object."""

    def save(self, commit: bool = True) -> Any:
        return self.instance

    def save_m2m(self) -> None:
        """Nothing more to save."""


class ChangeCodeForm(forms.ModelForm):  # type: ignore[type-arg]
    """What may change about a code: when it ends, and whether it can be used."""

    class Meta:
        model = DiscountCode
        fields = ("validity", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "validity" in self.fields:
            self.fields["validity"] = validity_field(self.instance.brand)
            self.initial_validity: datetime = self.instance.validity
        if "is_active" in self.fields:
            self.fields["is_active"].help_text = "Switched off, it can no longer be used; its uses stay"

    def clean_validity(self) -> datetime:
        return keep_untouched(self.cleaned_data["validity"], self.initial_validity, seconds=True)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        validity = cleaned.get("validity")
        if validity and validity != self.initial_validity and validity <= timezone.now():
            self.add_error("validity", "The validity must end in the future; to end it now, switch the code off.")
        return cleaned


def rule_label(rule: DiscountRule) -> str:
    parts = [f"{rule.discount} %"]
    if rule.name:
        parts.append(rule.name)
    if rule.audience:
        parts.append(f"for {rule.audience.replace('_', ' ')}")
    return " \N{MIDDLE DOT} ".join(parts)
