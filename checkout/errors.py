"""Errors of checkout besides those of codes and promotions."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from core.errors import ERROR_CATALOG, DomainError
from promotions.errors import NoEligibleLines


class PriceRecordUnreadable(Exception):
    """Raised when a price record is missing or damaged, or has an unknown version."""


def as_conflict(reason: Mapping[str, Any], code_text: str) -> DomainError:
    """Return the error that rejects a whole redemption because of one code.

    At checkout every reason is a conflict (409), even ``code_not_found``: the code isn't part of the request's URL.
    """
    extensions = {name: value for name, value in reason.items() if name not in ("code", "detail")}
    error_class = _conflict_class(ERROR_CATALOG.get(str(reason["code"]), NoEligibleLines))
    return error_class(str(reason["detail"]), code_text=code_text, **extensions)


@cache
def _conflict_class(error_class: type[DomainError]) -> type[DomainError]:
    """Return the subclass of an error class that is answered as a conflict."""
    return type(error_class.__name__, (error_class,), {"status": 409})
