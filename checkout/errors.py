"""What can be refused at checkout beyond what codes and promotions refuse."""

from collections.abc import Mapping
from typing import Any

from core.errors import ERROR_CATALOG, DomainError
from promotions.errors import NoEligibleLines


def as_conflict(reason: Mapping[str, Any], code_text: str) -> DomainError:
    """The refusal of a whole redemption for one code's reason; at checkout every reason is a conflict (409)."""
    members = {name: value for name, value in reason.items() if name not in ("code", "detail")}
    refusal = ERROR_CATALOG.get(str(reason["code"]), NoEligibleLines)(
        str(reason["detail"]), code_text=code_text, **members
    )
    refusal.status = 409  # type: ignore[misc]  # a code among others is not an address that is not there
    return refusal
