"""Forms of batches of codes: made from a pattern, brought along, and given to an audience."""

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from backoffice.base.formatting import format_datetime
from core.errors import DomainError
from promotions import code_rules
from promotions.admin.promotion_form import list_audience_choices
from promotions.models import CodeBatch, Promotion
from promotions.selectors.batches import count_codes_of_pattern
from promotions.services import MAX_BATCH_SIZE

DEFAULT_CHARSET = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}


class GenerateCodesForm(forms.Form):
    """A new batch from a pattern."""

    count = forms.IntegerField(
        label="How many codes", min_value=1, max_value=MAX_BATCH_SIZE, initial=1_000,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "max": MAX_BATCH_SIZE, "inputmode": "numeric"}),
    )  # fmt: skip
    pattern = forms.CharField(
        label="Pattern", max_length=64, initial=code_rules.DEFAULT_PATTERN, widget=UnfoldAdminTextInputWidget(attrs=DEFAULT_CHARSET),
        help_text="Each # is drawn at random; letters, digits, - and _ stay, as in SUMMER-########",
    )  # fmt: skip
    charset = forms.CharField(
        label="Drawn from", max_length=64, initial=code_rules.DEFAULT_CHARSET, widget=UnfoldAdminTextInputWidget(attrs=DEFAULT_CHARSET),
        help_text="Different letters and digits; these leave out what is easily mistaken",
    )  # fmt: skip

    def add_service_errors(self, refusal: DomainError) -> None:
        """Show what the service refused at its field."""
        for fault in refusal.errors or [{"field": "pattern", "detail": error_text(refusal)}]:
            self.add_error(fault["field"] if fault["field"] in self.fields else None, fault["detail"])

    def describe_strength(self, brand_id: uuid.UUID) -> tuple[str, bool]:
        """How hard a code is to guess, in words, and whether that is hard enough. Empty while nothing can be said."""
        if not self.is_valid():
            return "", True
        pattern, charset = (self.cleaned_data[name].strip().upper() for name in ("pattern", "charset"))
        if not (code_rules.is_pattern(pattern) and code_rules.is_charset(charset)):
            return "", True
        every = self.cleaned_data["count"] + count_codes_of_pattern(brand_id=brand_id, pattern=pattern)
        space = len(charset) ** pattern.count(code_rules.WILDCARD)
        words = f"Possible codes: {format_large_number(space)}; one guess in {format_large_number(max(1, space // every))} hits."
        if not code_rules.is_too_weak(pattern, charset, count=every):
            return words, True
        least = code_rules.minimum_pattern(pattern, charset, count=every)
        return f"{words} Too few: {least} would do." if least else f"{words} Too few.", False


class ImportForm(forms.Form):
    """Codes from another system, one in a line."""

    file = forms.FileField(
        label="File", widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
        help_text="CSV or plain text: the first cell of each line is a code",
    )  # fmt: skip
    batch = forms.ChoiceField(
        label="Add to", required=False, widget=UnfoldAdminSelectWidget(),
        help_text="An import that broke off is sent again whole, with the batch that it had begun",
    )  # fmt: skip

    def __init__(self, *args: Any, batches: Iterable[CodeBatch], **more: Any) -> None:
        super().__init__(*args, **more)
        self.batches = {str(batch.pk): batch for batch in batches if not batch.pattern}
        begun = [
            (key, f"{batch.count:,} codes, begun {format_started_at(batch)}") for key, batch in self.batches.items()
        ]
        self.fields["batch"].choices = [("", "A new batch"), *begun]  # type: ignore[attr-defined]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.IMPORT_LIMIT:
            raise forms.ValidationError(f"A file has up to {settings.IMPORT_LIMIT // 1024**2} MiB.")
        return file


class AssignForm(forms.Form):
    """Everyone of an audience gets a code."""

    audience = forms.ChoiceField(label="Audience", widget=UnfoldAdminSelectWidget())
    notify = forms.BooleanField(
        label="Mail it", required=False, initial=True, widget=UnfoldBooleanSwitchWidget(),
        help_text="To each who agreed to get offers, once",
    )  # fmt: skip

    def __init__(self, *args: Any, promotion: Promotion, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["audience"].choices = list_audience_choices(promotion.brand, "")[1:]  # type: ignore[attr-defined]


def error_text(refusal: DomainError) -> str:
    """A refusal with what would do instead."""
    least = refusal.extensions.get("minimum_pattern")
    return f"{refusal.detail} The shortest that would do is {least}." if least else refusal.detail


def format_started_at(batch: CodeBatch) -> str:
    """When a batch was begun, in its brand's time."""
    return format_datetime(batch.created_at, batch.required_promotion.brand.timezone)


def format_large_number(number: int) -> str:
    """A large number in words that can be compared: 3.2 million, 4 trillion."""
    for size, word in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if number >= size:
            return "more than 999 trillion" if number >= 10**15 else f"{number / size:,.1f} {word}".replace(".0 ", " ")
    return f"{number:,}"
