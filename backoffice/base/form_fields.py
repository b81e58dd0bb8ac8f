"""Form fields for texts, dates and times, and service errors at form fields."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.utils import timezone
from django.utils.translation import gettext
from unfold.widgets import DATETIME_CLASSES

from core import datetimes, periods, texts
from core.errors import CONTROL_CHARACTERS, CONTROL_CHARACTERS_IN_LINES, DomainError
from core.serializer_fields import UNSUPPORTED_YEAR


class DateTimePicker(forms.DateTimeInput):
    """The browser's own picker, in the active time zone; with ``day`` for a date without a time."""

    def __init__(self, *, day: bool = False) -> None:
        super().__init__(format="%Y-%m-%d" if day else "%Y-%m-%dT%H:%M", attrs={"class": " ".join(DATETIME_CLASSES)})
        self.input_type = "date" if day else "datetime-local"


class AutocompletePicker(AutocompleteSelect):
    """Django's autocomplete field with names for screen readers: a placeholder, and the label of the field."""

    @property
    def media(self) -> forms.Media:
        return super().media + forms.Media(js=["backoffice/autocomplete.js"])

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        attrs: dict[str, Any] = super().build_attrs(base_attrs, extra_attrs)
        name = self.field.remote_field.model._meta.verbose_name  # noqa: SLF001
        return attrs | {"data-placeholder": gettext("Select %(name)s") % {"name": name}}


def check_characters(field: forms.CharField) -> forms.CharField:
    """Let a field refuse control characters, and line breaks unless it shows several lines; return the field."""
    several_lines = isinstance(field.widget, forms.Textarea)

    def validate(text: str) -> None:
        if texts.has_control_characters(text, several_lines=several_lines):
            message = CONTROL_CHARACTERS_IN_LINES if several_lines else CONTROL_CHARACTERS
            raise forms.ValidationError(message, code="control_characters")

    field.validators.append(validate)
    return field


class TextFormField(forms.CharField):
    """A text of one line, or of several in a text area."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        check_characters(self)


class AwareDateTimeFormField(forms.DateTimeField):
    """A date and time in the active time zone.

    Where clocks go back, the first of two datetimes is used, as in the API. A datetime that clocks skip is invalid. A
    date without a time means its first instant; as the end of a period (``is_end``) it means the whole day.
    """

    def __init__(self, *, is_end: bool = False, widget: forms.Widget | None = None, **options: Any) -> None:
        self.is_end = is_end
        super().__init__(widget=widget or DateTimePicker(), **options)

    def to_python(self, value: Any) -> datetime | None:
        if isinstance(value, str) and datetimes.DATE.fullmatch(value.strip()):
            day = DateFormField(is_end=self.is_end).to_python(value)
            return None if day is None else self._to_instant(day)
        return self._to_datetime(value)

    def _to_instant(self, day: date) -> datetime:
        zone = timezone.get_current_timezone()
        return (periods.end_of_day if self.is_end else periods.start_of_day)(day, zone)

    def _to_datetime(self, value: Any) -> datetime | None:
        try:
            at = super().to_python(value)
        except forms.ValidationError as error:
            if error.code != "ambiguous_timezone" or not error.params:
                raise
            picked: datetime = error.params["datetime"]
            at = picked.replace(tzinfo=timezone.get_current_timezone()).astimezone(UTC)
            if timezone.make_naive(at) != picked:
                raise
        if at is not None and not datetimes.is_supported_datetime(at):
            raise forms.ValidationError(UNSUPPORTED_YEAR, code="invalid")
        return at


class DateFormField(forms.DateField):
    """A date, without a time; with ``is_end``, one whose end is supported, too."""

    def __init__(self, *, is_end: bool = False, **options: Any) -> None:
        self.is_end = is_end
        super().__init__(widget=DateTimePicker(day=True), **options)

    def to_python(self, value: Any) -> date | None:
        day = super().to_python(value)
        if day is not None and not datetimes.is_supported_date(day, is_end=self.is_end):
            raise forms.ValidationError(UNSUPPORTED_YEAR, code="invalid")
        return day


def keep_untouched(picked: datetime, before: datetime | None, *, seconds: bool = False) -> datetime:
    """Return the datetime before if the picked one shows the same, else the picked one.

    Pickers show no microseconds, some no ``seconds``, and none of them which of two hours is meant when clocks go back.
    """
    if before is None:
        return picked
    shown = timezone.make_naive(before).replace(microsecond=0)
    return before if timezone.make_naive(picked) == (shown if seconds else shown.replace(second=0)) else picked


def add_service_errors(form: forms.BaseForm, error: DomainError, fields: Mapping[str, str], otherwise: str) -> None:
    """Add a service's error to the form fields that it names (``fields`` maps its names), else to ``otherwise``.

    Limits have the names of their model fields, such as ``limit_units`` for ``limits.units``.
    """
    for field_error in error.errors or [{"field": "", "detail": error.detail}]:
        path = field_error["field"]
        is_limit = path.startswith("limits.")
        name = f"limit_{path.removeprefix('limits.')}" if is_limit else fields.get(path, otherwise)
        form.add_error(name if name in form.fields else None, field_error["detail"])
