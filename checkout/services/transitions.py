"""What becomes of a redemption: confirmed, cancelled, expired, refunded. Locks the redemption first, then its uses."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from django.db import transaction

from checkout import selectors
from checkout.models import Redemption, RedemptionItem, RefundedLine, Status
from checkout.rules import load_profile
from core.db import translate_constraint
from core.errors import Busy, InvalidRequest
from promotions.contracts import Purchase, RedemptionBackend, SelectedOffer
from promotions.errors import InvalidStatus, ReservationExpired
from promotions.selectors import get_backends


@transaction.atomic
def confirm(*, redemption: Redemption, at: datetime) -> Redemption:
    """The order was paid: the uses become final. Confirming twice is confirming once.

    Raises ReservationExpired, and WrongState for what was cancelled or refunded.
    """
    locked = selectors.lock(pk=redemption.pk)
    if locked.status == Status.CONFIRMED:
        return locked
    if locked.status == Status.EXPIRED or (locked.status == Status.RESERVED and locked.expires_at <= at):
        raise ReservationExpired
    if locked.status != Status.RESERVED:
        raise InvalidStatus(status_now=locked.status)
    for redeemer, purchase in _reserved_items(locked, at):
        redeemer.confirm(purchase=purchase)
    return _set_status(locked, Status.CONFIRMED, confirmed_at=at)


@transaction.atomic
def cancel(*, redemption: Redemption, at: datetime) -> Redemption:
    """The order will not be paid: everything is given back. Cancelling twice is cancelling once.

    What has expired was given back before and stays expired. Raises WrongState for what was confirmed or refunded.
    """
    locked = selectors.lock(pk=redemption.pk)
    if locked.status in (Status.CANCELED, Status.EXPIRED):
        return locked
    if locked.status != Status.RESERVED:
        raise InvalidStatus(status_now=locked.status)
    return release(redemption=locked, at=at)


def release(*, redemption: Redemption, at: datetime) -> Redemption:
    """Give back what a locked reservation holds; it ends as cancelled, or as expired when its time was up."""
    for redeemer, purchase in _reserved_items(redemption, at):
        redeemer.release(purchase=purchase)
    return _set_status(redemption, Status.EXPIRED if redemption.expires_at <= at else Status.CANCELED, closed_at=at)


@transaction.atomic
def return_redemption(*, redemption: Redemption, lines: Collection[str] | None, at: datetime) -> Redemption:
    """Give up the discount of some lines of a confirmed redemption, or of all; the uses go back once all are refunded,
    unless the brand's pricing profile of then keeps them.

    A line that was refunded before stays refunded. Raises WrongState, and Invalid for lines that the order does not
    have.
    """
    locked = selectors.lock(pk=redemption.pk)
    if locked.status == Status.REFUNDED:
        return locked
    if locked.status != Status.CONFIRMED:
        raise InvalidStatus(status_now=locked.status)
    shares = selectors.line_discounts(locked)
    if unknown := sorted(set(lines or ()) - set(shares)):
        raise InvalidRequest.field("lines", f"The order has no line {unknown[0]}.")
    done = selectors.refunded_lines(locked)
    wanted = [line for line in shares if line not in done and (lines is None or line in lines)]
    with translate_constraint("checkout_line_refunded_once", Busy):
        RefundedLine.objects.bulk_create(
            [RefundedLine(redemption=locked, line=line, discount=shares[line], refunded_at=at) for line in wanted]
        )
    if lines is not None and len(done) + len(wanted) < len(shares):
        return locked
    if load_profile(locked.record).return_cancelled_uses:
        for redeemer, purchase in _reserved_items(locked, at):
            redeemer.return_items(purchase=purchase)
    return _set_status(locked, Status.REFUNDED, closed_at=at)


def release_expired(*, at: datetime) -> int:
    """Give back what expired reservations hold; how many. Any number may run at once.

    Each in a transaction of its own: limits are locked in order within one redemption, not over several.
    """
    total = 0
    while _release_one(at):
        total += 1
    return total


@transaction.atomic
def _release_one(at: datetime) -> bool:
    redemption = selectors.lock_expired(at=at)
    if redemption is not None:
        release(redemption=redemption, at=at)
    return redemption is not None


def purchases_by_kind(
    redemption: Redemption, items: Iterable[RedemptionItem], at: datetime
) -> Iterator[tuple[RedemptionBackend, Purchase]]:
    """The redemption as each of its kinds' redeemers sees it, in the one order in which kinds are taken."""
    for kind, redeemer in get_backends().items():
        if takings := [SelectedOffer(item.key, item.code, item.amount) for item in items if item.kind == kind]:
            yield (
                redeemer,
                Purchase(
                    id=redemption.pk,
                    shopper_key=redemption.customer_id,
                    currency=redemption.currency,
                    subtotal=redemption.total + redemption.discount_total,
                    at=at,
                    until=redemption.expires_at,
                    items=takings,
                ),
            )


def _reserved_items(redemption: Redemption, at: datetime) -> Iterator[tuple[RedemptionBackend, Purchase]]:
    return purchases_by_kind(redemption, list(redemption.items.order_by("position")), at)


def _set_status(redemption: Redemption, status: Status, **times: datetime) -> Redemption:
    redemption.status = status
    for name, value in times.items():
        setattr(redemption, name, value)
    redemption.save(update_fields=["status", *times])
    return redemption
