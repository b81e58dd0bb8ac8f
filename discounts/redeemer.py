"""Discount codes at checkout."""

from collections.abc import Sequence
from datetime import datetime

from accounts.contracts import Shopper
from discounts import selectors
from discounts.services import holds
from promotions.contracts import Candidate, Purchase, Rejection


class DiscountCodeRedeemer:
    """Offers discount codes to checkout (see ``promotions.contracts.Redeemer``)."""

    kind = "discount_code"

    def offers(self, *, codes: Sequence[str], shopper: Shopper | None, at: datetime) -> Sequence[Candidate | Rejection]:
        return selectors.offers(codes=codes, shopper=shopper, at=at)

    def reserve(self, *, purchase: Purchase) -> None:
        holds.reserve(purchase=purchase)

    def confirm(self, *, purchase: Purchase) -> None:
        holds.confirm(purchase=purchase)

    def release(self, *, purchase: Purchase) -> None:
        holds.release(purchase=purchase)

    def refund(self, *, purchase: Purchase) -> None:
        holds.refund(purchase=purchase)
