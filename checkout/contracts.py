"""What is asked of checkout and what it answers, as values."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from promotions.contracts import Candidate, Rejection
from promotions.engine import Cart, Decision

DEFAULT_TTL = 900
MAX_TTL = 3600


@dataclass(frozen=True, slots=True)
class Request:
    """A cart and the codes typed for it. ``wire`` is the cart as it was sent, kept with the redemption."""

    cart: Cart
    codes: tuple[str, ...]
    wire: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Quote:
    """A priced cart: the engine's decision over the candidates, and the codes that never came into play."""

    request: Request
    decision: Decision
    candidates: Mapping[str, Candidate]
    rejections: Sequence[Rejection]
    at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """What a redemption is for. ``expect_total`` is in minor units; ``skip`` takes what can be had of the codes."""

    reference: str
    brand_id: uuid.UUID | None
    fingerprint: bytes
    ttl_seconds: int = DEFAULT_TTL
    expect_total: int | None = None
    skip: bool = False
