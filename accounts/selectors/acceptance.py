"""Reads of the brands whose offers a caller may get."""

from accounts import rules
from accounts.contracts import Acceptance, Caller


def get_acceptance(*, caller: Caller) -> Acceptance:
    """Return the brands whose offers a caller may get."""
    return rules.decide_acceptance(caller)
