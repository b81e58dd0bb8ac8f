"""Coupons at checkout."""

import uuid
from collections.abc import Mapping, Sequence

from coupons import selectors
from coupons.services import holds
from promotions.contracts import Ask, Candidate, Purchase, Rejection, Search


class CouponRedeemer:
    """Offers coupons to checkout (see ``promotions.contracts.Redeemer``)."""

    kind = "coupon"

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
