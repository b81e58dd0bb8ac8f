"""Codes as plain values."""

import uuid
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RestrictedCode:
    """What decides, beside its offer, whether a code can be redeemed.

    ``customer`` is the only one who can redeem it, None for everyone. It ends at ``expires_at`` (exclusive), if that is
    set, and at once when it is revoked.
    """

    text: str
    customer: int | None
    single_use: bool
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class FoundCode(RestrictedCode):
    """A code that is not archived, with its offer and brand.

    ``text`` is the code as its brand wrote it, ``canonical`` the form by which codes are compared, ``brand`` the
    brand's slug.
    """

    id: int
    canonical: str
    kind: str
    offer: uuid.UUID
    brand_id: uuid.UUID
    brand: str
