"""Descriptions of the products that a select matches."""

from __future__ import annotations

from django.utils.translation import gettext as _

from backoffice.base.descriptions.formats import format_amount, format_units, join_or
from pricing import condition_values as c


def describe_selection(select: c.Select, currency: str, *, every: str | None = None) -> str:
    """Describe the products that a select matches; ``every`` names them where it names none, by default "any item"."""
    names = ""
    if select.categories or select.skus:
        names = join_or(select.categories or select.skus)
    if select.categories and select.skus:
        names = _("%(categories)s with SKU %(skus)s") % {"categories": names, "skus": join_or(select.skus)}
    if select.brands:
        names = _("%(items)s by %(brands)s") % {"items": names or _("items"), "brands": join_or(select.brands)}
    names = names or every or _("any item")
    details = list_details(select, currency)
    return f"{names} ({', '.join(details)})" if details else names


def list_details(select: c.Select, currency: str) -> list[str]:
    """Return what a select excludes, and its prices."""
    details = []
    if excluded := [*select.exclude_categories, *select.exclude_skus]:
        details.append(_("excluding %(names)s") % {"names": join_or(excluded)})
    if select.unit_price_from is not None:
        details.append(_("from %(amount)s") % {"amount": format_amount(select.unit_price_from, currency)})
    if select.unit_price_to is not None:
        details.append(_("up to %(amount)s") % {"amount": format_amount(select.unit_price_to, currency)})
    if select.skip_already_discounted:
        details.append(_("excluding sale items"))
    return details


def of_selection(part: str, select: c.Select, currency: str) -> str:
    """Return a part of the cart, such as "each line", with its products; alone where it matches all products."""
    if select == c.EVERYTHING:
        return part
    return _("%(part)s of %(products)s") % {"part": part, "products": describe_selection(select, currency)}


def count_of(count: int, select: c.Select, currency: str) -> str:
    """Return a number of units with their selection, or the number alone where it matches all products."""
    return str(count) if select == c.EVERYTHING else of_selection(format_units(count), select, currency)
