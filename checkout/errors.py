"""Errors of checkout besides those of codes and promotions."""

from collections.abc import Mapping
from typing import Any

from core.errors import ERROR_CATALOG, DomainError
from redemptions.errors import NoEligibleLines


class PriceRecordUnreadable(Exception):
    """Raised when a price record is missing or damaged, or has an unknown version."""


def as_conflict(reason: Mapping[str, Any], code_text: str) -> DomainError:
    """Return the error that rejects a whole redemption because of one code.

    At checkout every reason is a conflict (409), even ``code_not_found``: the code isn't part of the request's URL.
    """
    extensions = {name: value for name, value in reason.items() if name not in ("code", "detail")}
    error_class = ERROR_CATALOG.get(str(reason["code"]), NoEligibleLines)
    return error_class(str(reason["detail"]), code_text=code_text, **extensions).with_status(409)
