"""Amounts of money by currency: one in the brand's currency, or one for each currency."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from core import money
from core.errors import InvalidRequest
from core.message_languages import translate


def parse_budgets(value: str | Mapping[str, str] | None, *, currency: str, field: str = "budget") -> dict[str, int]:
    """Return the budgets in minor units by currency; none for None.

    An amount alone is in ``currency``. Raises InvalidRequest with the path of each wrong amount below ``field``.
    """
    if value is None:
        return {}
    is_mapping = isinstance(value, Mapping)
    amounts: Mapping[str, str] = value if isinstance(value, Mapping) else {currency: value}
    budgets, errors = {}, []
    for code, text in amounts.items():
        try:
            budgets[code] = money.parse(text, code)
            detail = "" if budgets[code] > 0 else _("The budget must be greater than 0.")
        except ValueError as error:
            detail = translate(error.args[0])
        if detail:
            path = f"{field}.{code}" if is_mapping else field
            errors.append({"field": path, "code": "invalid", "detail": detail})
    if errors or not budgets:
        raise InvalidRequest(
            errors=errors or [{"field": field, "code": "invalid", "detail": _("Provide at least one currency.")}]
        )
    return budgets


def format_budgets(budgets: Mapping[str, int], *, currency: str) -> str | dict[str, str] | None:
    """Return budgets as the API shows them: an amount in ``currency``, or an amount for each currency."""
    amounts = {code: money.format_decimal(budget, code) for code, budget in budgets.items()}
    return amounts.get(currency) if amounts.keys() <= {currency} else amounts
