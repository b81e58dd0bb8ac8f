"""What is refused when something that claims to be an offer or a profile is not one."""

from __future__ import annotations

FieldError = tuple[str, str, str]
"""A path such as `benefits.0.value`, a stable code, and a sentence."""


class OfferInvalid(ValueError):
    """Raised with every fault that was found, in the order of the document."""

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{path or 'offer'}: {detail}" for path, _, detail in errors))


class ProfileInvalid(OfferInvalid):
    """The same for a pricing profile."""
