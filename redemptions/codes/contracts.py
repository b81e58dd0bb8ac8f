"""Codes as plain values."""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FoundCode:
    """A code that is not archived, with its offer and brand.

    ``text`` is the code as its brand wrote it, ``canonical`` the form by which codes are compared, ``brand`` the
    brand's slug.
    """

    id: int
    text: str
    canonical: str
    kind: str
    offer: uuid.UUID
    brand_id: uuid.UUID
    brand: str
