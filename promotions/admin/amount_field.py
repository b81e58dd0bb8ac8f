"""A form field for amounts in several currencies: one in the brand's currency, and rows for further currencies.

Its value is the text of the amount, or a dict of texts by currency if a row is filled in. A row is submitted as two
values, ``<name>-currency`` and ``<name>-amount``.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from backoffice.base.form_fields import TextFormField
from core.texts import to_upper_case

MIN_ROWS = 2
MAX_ROWS = 50
AMOUNT_ATTRS = {"inputmode": "decimal", "autocomplete": "off"}
CELL_LABELS = {"currency": _("Currency"), "amount": _("Amount")}
TEMPLATE = "admin/promotions/amount.html"

AmountValue = str | Mapping[str, str]
"""The text of an amount, or the texts by currency."""


class AmountWidget(forms.Widget):
    """The input of an amount in ``currency``, and rows of a currency and an amount."""

    def __init__(self, *, currency: str, attrs: Mapping[str, Any] | None = None) -> None:
        super().__init__({**AMOUNT_ATTRS, **(attrs or {})})
        self.currency = currency

    def value_from_datadict(self, data: Any, files: Any, name: str) -> AmountValue:
        return read_amount(data, name, self.currency)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        main, rows = split_amount(value, self.currency)
        blank = [("", "")] * max(1, MIN_ROWS - len(rows))
        context = {
            "input": UnfoldAdminTextInputWidget(attrs=self.attrs).render(name, main, attrs),
            "rows": [
                (
                    self._render_cell(f"{name}-currency", currency, {"maxlength": 3, "autocapitalize": "characters"}),
                    self._render_cell(f"{name}-amount", amount, AMOUNT_ATTRS),
                )
                for currency, amount in [*rows, *blank][:MAX_ROWS]
            ],
            "is_open": bool(rows),
        }
        rendered: SafeString = render_to_string(TEMPLATE, context)
        return rendered

    def _render_cell(self, name: str, value: str, attrs: Mapping[str, Any]) -> SafeString:
        label = {"aria-label": CELL_LABELS[name.rpartition("-")[2]]}
        cell: SafeString = UnfoldAdminTextInputWidget(attrs={**attrs, **label}).render(name, value)
        return cell


class AmountField(forms.Field):
    """An amount, or an amount for each currency. The parser of offers or the form checks the texts."""

    widget: AmountWidget

    def __init__(self, *, currency: str, max_length: int, **options: Any) -> None:
        super().__init__(widget=AmountWidget(currency=currency, attrs={"maxlength": max_length}), **options)
        self.currency, self.max_length = currency, max_length

    def clean(self, value: Any) -> AmountValue:
        texts = value.values() if isinstance(value, Mapping) else [value]
        for text in texts:
            TextFormField(required=False, max_length=self.max_length).clean(text)
        return value or ""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or "") != (data or "")


def read_amount(data: Any, name: str, currency: str) -> AmountValue:
    """Return the amount that was submitted as ``name``: a text, or texts by currency if rows are filled in."""
    main = data.get(name) or ""
    if isinstance(main, Mapping):
        return main
    main = str(main).strip()
    names, amounts = (_get_list(data, f"{name}-{cell}") for cell in CELL_LABELS)
    rows: dict[str, str] = {currency: main} if main else {}
    for code, amount in list(zip(names, amounts, strict=False))[:MAX_ROWS]:
        if code.strip() or amount.strip():
            key = to_upper_case(code.strip())
            rows[f"{key} ({len(rows)})" if key in rows else key] = amount.strip()  # refused as unknown if repeated
    return rows if rows.keys() - ({currency} if main else set()) else main


def split_amount(value: Any, currency: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the amount in ``currency``, and the rows of the others."""
    if not isinstance(value, Mapping):
        return str(value or ""), []
    return str(value.get(currency, "")), [(code, str(text)) for code, text in value.items() if code != currency]


def get_submitted_values(name: str, value: Any, currency: str) -> dict[str, Any]:
    """Return the values that a browser submits for an amount, by name."""
    main, rows = split_amount(value, currency)
    cells = [[code for code, _ in rows], [amount for _, amount in rows]]
    return {name: main, **{f"{name}-{cell}": values for cell, values in zip(CELL_LABELS, cells, strict=True)}}


def _get_list(data: Any, name: str) -> list[str]:
    values = data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])
    return [str(value) for value in (values if isinstance(values, list) else [values])]
