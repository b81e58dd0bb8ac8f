"""Backend of coupons."""

from coupons import selectors
from coupons.services import reservations, staff_actions
from redemptions.contracts import RedemptionBackend


class CouponBackend:
    """``RedemptionBackend``, ``CodeBackend`` and ``StandaloneBackend`` of coupons."""

    KIND = "coupon"

    candidates = staticmethod(selectors.candidates)
    available = staticmethod(selectors.available)
    active_items = staticmethod(selectors.active_items)
    returned_amounts = staticmethod(selectors.returned_amounts)
    offer_names = staticmethod(selectors.offer_names)
    describe_code_offers = staticmethod(selectors.describe_code_offers)
    get_code_statuses = staticmethod(selectors.get_code_statuses)
    lock_offers = staticmethod(selectors.lock_offers)
    record_uses = staticmethod(reservations.record_uses)
    reserve = staticmethod(reservations.reserve)
    confirm = staticmethod(reservations.confirm)
    release = staticmethod(reservations.release)
    return_items = staticmethod(reservations.return_items)
    amend_items = staticmethod(reservations.amend_items)
    move_customer = staticmethod(reservations.move_customer)
    release_redemption = staticmethod(staff_actions.release_redemption)
    return_redemption = staticmethod(staff_actions.return_redemption)


backend: RedemptionBackend = CouponBackend()
