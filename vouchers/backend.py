"""Backend of vouchers."""

from redemptions.contracts import RedemptionBackend
from redemptions.uses import selectors as uses
from vouchers import selectors
from vouchers.services import reservations


class VoucherBackend:
    """``RedemptionBackend`` of vouchers."""

    KIND = selectors.KIND

    candidates = staticmethod(selectors.candidates)
    available = staticmethod(selectors.available)
    active_items = staticmethod(selectors.active_items)
    returned_amounts = staticmethod(uses.returned_amounts)
    offer_names = staticmethod(selectors.offer_names)
    lock_offers = staticmethod(reservations.lock_offers)
    record_uses = staticmethod(reservations.record_uses)
    reserve = staticmethod(reservations.reserve)
    confirm = staticmethod(reservations.confirm)
    release = staticmethod(reservations.release)
    return_items = staticmethod(reservations.return_items)
    amend_items = staticmethod(reservations.amend_items)
    move_customer = staticmethod(reservations.move_customer)


backend: RedemptionBackend = VoucherBackend()
