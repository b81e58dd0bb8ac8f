"""Promotions at checkout: those that come into play by themselves, and those that a code opens."""

import uuid
from collections.abc import Mapping, Sequence

from promotions import selectors
from promotions.contracts import Ask, Candidate, Purchase, Rejection, Search
from promotions.services import holds


class PromotionRedeemer:
    """Offers promotions to checkout (see ``promotions.contracts.Redeemer``)."""

    kind = "promotion"

    def offers(self, *, ask: Ask) -> Sequence[Candidate | Rejection]:
        return selectors.offers(ask=ask)

    def available(self, *, search: Search) -> Sequence[Candidate]:
        return selectors.available(search=search)

    def reserve(self, *, purchase: Purchase) -> None:
        holds.reserve(purchase=purchase)

    def confirm(self, *, purchase: Purchase) -> None:
        holds.confirm(purchase=purchase)

    def release(self, *, purchase: Purchase) -> None:
        holds.release(purchase=purchase)

    def refund(self, *, purchase: Purchase) -> None:
        holds.refund(purchase=purchase)

    def standing(self, *, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], bool | None]:
        return selectors.standing(purchases=purchases)
