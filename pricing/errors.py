"""Errors of invalid offers and pricing profiles."""

from __future__ import annotations

FieldError = tuple[str, str, str]
"""Path such as `benefits.0.value`, stable code, and message."""


class OfferInvalid(ValueError):
    """Raised with all errors of an offer, in the order of the document."""

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{path or 'offer'}: {detail}" for path, _, detail in errors))


class ProfileInvalid(OfferInvalid):
    """Raised with all errors of a pricing profile, in the order of the document."""
