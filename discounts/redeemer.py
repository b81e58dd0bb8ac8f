"""Discount codes at checkout."""

import uuid
from collections.abc import Mapping, Sequence

from discounts import selectors
from discounts.services import holds
from promotions.contracts import Ask, Candidate, Purchase, Rejection, Search


class DiscountCodeRedeemer:
    """Offers discount codes to checkout (see ``promotions.contracts.Redeemer``)."""

    kind = "discount_code"

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
