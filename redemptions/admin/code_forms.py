"""Forms of code batches: generate, import and assign codes."""

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.models import Brand
from backoffice.base.form_fields import TextFormField, add_service_errors
from backoffice.base.formatting import format_datetime
from core.errors import DomainError
from core.texts import to_upper_case
from redemptions.codes import rules as code_rules
from redemptions.codes.models import CodeBatch
from redemptions.codes.selectors.batches import count_codes_of_pattern
from redemptions.codes.services import MAX_BATCH_SIZE
from segments.selectors import get_audience_sizes

CODE_INPUT_ATTRS = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}


class GenerateCodesForm(forms.Form):
    """The pattern and size of a new batch."""

    count = forms.IntegerField(
        label=gettext_lazy("Number of codes"), min_value=1, max_value=MAX_BATCH_SIZE, initial=1_000,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "max": MAX_BATCH_SIZE, "inputmode": "numeric"}),
    )  # fmt: skip
    pattern = TextFormField(
        label=gettext_lazy("Pattern"), max_length=64, initial=code_rules.DEFAULT_PATTERN,
        widget=UnfoldAdminTextInputWidget(attrs=CODE_INPUT_ATTRS),
        help_text=gettext_lazy("Each # becomes a random character. Example: SUMMER-########"),
    )  # fmt: skip
    charset = TextFormField(
        label=gettext_lazy("Character set"), max_length=64, initial=code_rules.DEFAULT_CHARSET,
        widget=UnfoldAdminTextInputWidget(attrs=CODE_INPUT_ATTRS),
        help_text=gettext_lazy("Look-alike characters are excluded by default."),
    )  # fmt: skip

    balance = TextFormField(
        label=gettext_lazy("Balance of each code"), max_length=20, required=False, empty_value=None,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "inputmode": "decimal"}),
        help_text=gettext_lazy("Leave blank for the amount of the offer. Example: 25.00"),
    )  # fmt: skip

    def __init__(self, *args: Any, keeps_balance: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not keeps_balance:
            del self.fields["balance"]

    def add_service_errors(self, error: DomainError) -> None:
        """Add the errors of a service to their fields."""
        if error.errors:
            add_service_errors(self, error, {name: name for name in self.fields}, "")
        else:
            self.add_error("pattern", format_error(error))

    def describe_strength(self, brand_id: uuid.UUID) -> tuple[str, bool]:
        """Return how hard it is to guess a code, and whether that is hard enough; an empty text for invalid data."""
        if not self.is_valid():
            return "", True
        pattern, charset = (to_upper_case(self.cleaned_data[name].strip()) for name in ("pattern", "charset"))
        if not (code_rules.is_pattern(pattern) and code_rules.is_charset(charset)):
            return "", True
        total = self.cleaned_data["count"] + count_codes_of_pattern(brand_id=brand_id, pattern=pattern)
        combinations = code_rules.count_combinations(pattern, charset)
        numbers = {
            "combinations": format_large_number(combinations),
            "odds": format_large_number(max(1, combinations // total)),
        }
        strength = _("%(combinations)s combinations; 1 in %(odds)s guesses hits a code.") % numbers
        if not code_rules.is_too_weak(pattern, charset, count=total):
            return strength, True
        minimum = code_rules.minimum_pattern(pattern, charset, count=total)
        if minimum is None:
            return _("%(strength)s Too short.") % {"strength": strength}, False
        return _("%(strength)s Too short. Use at least %(pattern)s.") % {
            "strength": strength, "pattern": minimum,
        }, False  # fmt: skip


class ImportForm(forms.Form):
    """A file of codes, and the batch that they are added to."""

    file = forms.FileField(
        label=gettext_lazy("File"), help_text=gettext_lazy(
            "CSV file whose first line names the columns: code, and optionally customer_id, expires_at and balance."
        ),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
    )  # fmt: skip
    batch = forms.ChoiceField(
        label=gettext_lazy("Target batch"), required=False, widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("To resume an interrupted import, upload the file again and select its batch."),
    )  # fmt: skip

    allow_weak = forms.BooleanField(
        label=gettext_lazy("Import codes that are easy to guess"), required=False, widget=UnfoldBooleanSwitchWidget(),
    )  # fmt: skip

    def __init__(self, *args: Any, batches: Iterable[CodeBatch], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batches = {str(batch.pk): batch for batch in batches if not batch.pattern and batch.revoked_at is None}
        choices = [(key, _batch_label(batch)) for key, batch in self.batches.items()]
        self.fields["batch"].choices = [("", _("New batch")), *choices]  # type: ignore[attr-defined]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.IMPORT_LIMIT:
            size = f"{settings.IMPORT_LIMIT // 1024**2:,}"
            raise forms.ValidationError(_("The file can't exceed %(size)s MiB.") % {"size": size})
        return file


class AssignForm(forms.Form):
    """The audience whose customers get a code each."""

    audience = forms.ChoiceField(label=gettext_lazy("Audience"), widget=UnfoldAdminSelectWidget())
    notify = forms.BooleanField(
        label=gettext_lazy("Email codes"), required=False, initial=True, widget=UnfoldBooleanSwitchWidget(),
        help_text=gettext_lazy("Sent once to customers who subscribed to offers."),
    )  # fmt: skip

    def __init__(self, *args: Any, brand: Brand, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["audience"].choices = list_audience_choices(brand)  # type: ignore[attr-defined]


def list_audience_choices(brand: Brand, selected: str = "") -> list[tuple[str, str]]:
    """Return the brand's audiences with their sizes as choices. The selected audience is included in any case."""
    sizes = get_audience_sizes(brand_id=brand.pk)
    if selected:
        sizes.setdefault(selected, 0)
    return [(name, f"{name.replace('_', ' ')} ({size:,})") for name, size in sizes.items()]


def format_error(error: DomainError) -> str:
    """Return the detail of an error and the shortest pattern that is strong enough, if the error has one."""
    pattern = error.extensions.get("minimum_pattern")
    if not pattern:
        return error.detail
    return _("%(detail)s Use at least %(pattern)s.") % {"detail": error.detail, "pattern": pattern}


def _batch_label(batch: CodeBatch) -> str:
    started = format_datetime(batch.created_at, batch.brand.timezone)
    return ngettext("%(count)s code, started %(time)s", "%(count)s codes, started %(time)s", batch.count) % {
        "count": f"{batch.count:,}", "time": started,
    }  # fmt: skip


def format_large_number(number: int) -> str:
    """Return a number with a word for its size, for example ``3.2 million``."""
    if number >= 10**15:
        return _("more than 999 trillion")
    sizes = ((10**12, _("%(number)s trillion")), (10**9, _("%(number)s billion")), (10**6, _("%(number)s million")))
    for size, text in sizes:
        if number >= size:
            return text % {"number": f"{number / size:,.1f}".removesuffix(".0")}
    return f"{number:,}"
