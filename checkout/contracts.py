"""What is asked of checkout and what it answers, as values."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pricing import Cart, Decision, Explanation, Facts, Offer, Profile, ShopperFacts
from promotions.contracts import Candidate, Rejection, SelectedOffer

DEFAULT_TTL = 900
MAX_TTL = 3600


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """A cart, the codes typed for it and the ids of vouchers; ``shop`` is the slug of the brand whose server asks."""

    cart: Cart
    codes: tuple[str, ...]
    vouchers: tuple[str, ...] = ()
    shop: str | None = None


@dataclass(frozen=True, slots=True)
class PurchaseTotals:
    """A customer's confirmed orders with a brand: how many, the largest total of those in the brand's currency (minor
    units, None when there is none), and when the first and the last were confirmed (None without any).
    """

    orders: int
    largest: int | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A priced cart: the engine's decision over the candidates, and the codes that never came into play.

    ``facts`` and ``profile`` are what the engine was told beside them, so that the decision can be made again.
    """

    request: QuoteRequest
    decision: Decision
    facts: ShopperFacts
    profile: Profile
    candidates: Mapping[str, Candidate]
    rejections: Sequence[Rejection]
    at: datetime

    def ref_of(self, taking: SelectedOffer) -> str:
        """The reference of the candidate that a taking takes."""
        return next(ref for ref, it in self.candidates.items() if (it.key, it.code) == (taking.key, taking.code))


@dataclass(frozen=True, slots=True)
class Available:
    """An offer that a shopper could have: with a cart, what it would take off, or why it takes nothing."""

    candidate: Candidate
    amount: int | None = None
    reason: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RedemptionOptions:
    """What a redemption is for. ``expect_total`` is in minor units; ``skip`` takes what can be had of the codes."""

    reference: str
    brand_id: uuid.UUID | None
    fingerprint: bytes
    ttl_seconds: int = DEFAULT_TTL
    expect_total: int | None = None
    skip: bool = False


@dataclass(frozen=True, slots=True)
class DraftPromotion:
    """A promotion that is only tried. ``id`` is the caller's own; ``budget`` in minor units of the cart's currency.

    ``by_code``: it comes into play only when ``code`` (normalised) is among the cart's codes.
    """

    id: str
    title: str
    offer: Offer
    by_code: bool = False
    code: str | None = None
    budget: int | None = None


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """What is simulated beside the cart.

    ``facts`` are those of the shopper with the brand; None asks what is known of whoever shops. ``profile`` None is the
    brand's own. ``include_live`` adds the brand's running promotions.
    """

    drafts: Sequence[DraftPromotion]
    facts: Facts | None = None
    profile: Profile | None = None
    include_live: bool = False


@dataclass(frozen=True, slots=True)
class Simulation:
    """A quote that explains itself, and of the drafts that never came into play (by id) what stood against them."""

    quote: Quote
    trial: SimulationOptions
    not_evaluated: Mapping[str, Explanation]
