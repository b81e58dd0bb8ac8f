"""Backend of promotions."""

from promotions.selectors import candidates as selectors
from promotions.selectors import code_offers
from promotions.services import amendments, reservations
from redemptions.contracts import RedemptionBackend


class PromotionBackend:
    """``RedemptionBackend`` and ``CodeBackend`` of promotions."""

    KIND = "promotion"

    candidates = staticmethod(selectors.candidates)
    available = staticmethod(selectors.available)
    active_items = staticmethod(selectors.active_items)
    returned_amounts = staticmethod(selectors.returned_amounts)
    offer_names = staticmethod(selectors.offer_names)
    describe_code_offers = staticmethod(code_offers.describe_code_offers)
    get_code_statuses = staticmethod(code_offers.get_code_statuses)
    reserve = staticmethod(reservations.reserve)
    confirm = staticmethod(reservations.confirm)
    release = staticmethod(reservations.release)
    return_items = staticmethod(reservations.return_items)
    amend_items = staticmethod(amendments.amend_items)


backend: RedemptionBackend = PromotionBackend()
