"""Backend of promotions."""

from promotions.selectors import candidates as selectors
from promotions.selectors import code_offers
from promotions.services import reservations
from redemptions.contracts import RedemptionBackend
from redemptions.uses.backends import CountedBackend
from redemptions.uses.selectors import get_code_statuses


class PromotionBackend(CountedBackend):
    """``RedemptionBackend`` and ``CodeBackend`` of promotions."""

    KIND = "promotion"

    candidates = staticmethod(selectors.candidates)
    available = staticmethod(selectors.available)
    offer_names = staticmethod(selectors.offer_names)
    describe_code_offers = staticmethod(code_offers.describe_code_offers)
    get_code_statuses = staticmethod(get_code_statuses)
    lock_offers = staticmethod(reservations.lock_offers)
    reserve = staticmethod(reservations.reserve)
    amend_items = staticmethod(reservations.amend_items)


backend: RedemptionBackend = PromotionBackend()
