"""Columns and read-only fields of the admin's pages."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from django.utils.functional import Promise
from unfold.decorators import display

from backoffice.base.formatting import format_datetime


def datetime_column(field: str, description: str | Promise, *, brand: str | None = None) -> Callable[[Any], str]:
    """Return a column that shows a datetime and sorts by it.

    ``brand`` is the path from the row to the brand in whose time zone it is shown (``rule.brand``); empty if the row
    is the brand. Without ``brand``, and for rows without a brand, the time is UTC.
    """

    def column(row: Any) -> str:
        owner = None if brand is None else reduce(getattr, filter(None, brand.split(".")), row)
        return format_datetime(getattr(row, field), owner.timezone if owner else "UTC")

    column.__name__ = field  # the theme names the cells of the column by it
    shown: Callable[[Any], str] = display(description=description, ordering=field)(column)
    return shown
