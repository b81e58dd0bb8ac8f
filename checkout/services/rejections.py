"""Records why codes were not applied, for the brands of their offers."""

from datetime import datetime

from accounts.contracts import Shopper
from checkout import serialization
from checkout.contracts import Quote
from redemptions.contracts import Candidate, Rejection
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import rejections


def record_rejections(priced: Quote, *, shopper: Shopper | None, at: datetime, order: str = "") -> None:
    """Record the codes and vouchers of a quote that were not applied. Codes that nobody has are not recorded."""
    for rejection in serialization.iter_rejections(priced):
        record_rejection(rejection, priced=priced, shopper=shopper, order=order, at=at)


def record_rejection(rejection: Rejection, *, priced: Quote, shopper: Shopper | None, order: str, at: datetime) -> None:
    """Record a code that was not applied, unless nobody has it."""
    if rejection.brand_id is None:
        return
    rejections.record_rejection(
        NewEvent(
            EventType.REDEMPTION_REJECTED,
            at,
            rejection.brand_id,
            rejection.kind,
            offer=rejection.offer_id,
            code=rejection.code,
            customer=shopper.id if shopper else None,
            order=order,
            subtotal=_find_subtotal(priced),
            currency=priced.request.cart.currency,
            reason=rejection.reason,
        )
    )


def _find_subtotal(priced: Quote) -> int | None:
    """Return the sum of a cart without discounts; None for lines of several brands, of which each sees only its own."""
    if len({line.brand for line in priced.request.cart.lines if line.brand}) > 1:
        return None
    return priced.decision.total + priced.decision.discount_total


def reject_candidate(candidate: Candidate, reason: dict[str, object]) -> Rejection:
    """Return the rejection of a candidate."""
    return Rejection(candidate.code, reason, candidate.kind, candidate.offer_id, candidate.brand_id)
