"""Confirmations: the payment of an order makes its reservation final, also late if everything can still be had."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from accounts.selectors import lock_customer, shopper_of
from checkout import selectors
from checkout.contracts import Actor, QuoteRequest
from checkout.errors import PriceRecordUnreadable
from checkout.models import Redemption, RedemptionItem
from checkout.services.quotes import collect_candidates, load_customer_facts, price_candidates
from checkout.services.transitions import as_released, close, purchases_by_kind, set_status_of_items
from core.db import translate_constraint
from redemptions import identities, purchases
from redemptions.contracts import OfferUnavailable
from redemptions.errors import InvalidStatus, ReservationExpired
from redemptions.statuses import PAID, RedemptionStatus

MARGIN = timedelta(minutes=15)  # between taking a new use and confirming it, in the same transaction


@transaction.atomic
def confirm(*, redemption: Redemption, by: Actor, at: datetime) -> Redemption:
    """Confirm a reservation whose order was paid. Repeating it changes nothing but ``confirmed_by``, by others.

    An order that only a shopper confirmed doesn't count as an order of the customer until a server or staff confirms
    it, too. An expired reservation is confirmed if all its offers still give the same. Raises ReservationExpired
    otherwise, and InvalidStatus for a released or returned redemption.
    """
    locked = selectors.lock_redemption(pk=redemption.pk)
    if locked.status in PAID:
        if locked.confirmed_by == Actor.SHOPPER and by is not Actor.SHOPPER:
            locked.confirmed_by, locked.updated_at = by, at
            locked.save(update_fields=["confirmed_by", "updated_at"])
        return locked
    items = list(locked.items.order_by("position"))
    if locked.status == RedemptionStatus.EXPIRED or (
        locked.status == RedemptionStatus.RESERVED and locked.expires_at <= at
    ):
        _reserve_again(locked, items, at)
    elif locked.status != RedemptionStatus.RESERVED:
        raise InvalidStatus(current_status=locked.status)
    purchases.confirm(purchases_by_kind(locked, items, at))
    with (
        translate_constraint("checkout_one_live_per_brand_order", ReservationExpired),
        translate_constraint("checkout_one_live_per_customer_order", ReservationExpired),
        translate_constraint("checkout_one_live_per_platform_order", ReservationExpired),
    ):
        return set_status_of_items(locked, RedemptionStatus.CONFIRMED, confirmed_at=at, confirmed_by=by)


def _reserve_again(locked: Redemption, items: list[RedemptionItem], at: datetime) -> None:
    """Take what an expired reservation had, for the time until it is confirmed in the same transaction.

    Raises ReservationExpired if one of its offers can't be had any more, or gives another amount now.
    """
    lock_customer(locked.customer_id)  # before the limits, which a concurrent order of the customer locks after it
    reserved = locked if locked.status == RedemptionStatus.RESERVED else None
    with as_released(reserved, at) as former:
        amounts = _price_items(locked, items, at)
    if amounts != {(item.kind, item.key): item.amount for item in items}:
        raise ReservationExpired
    if reserved is not None:
        close(redemption=locked, at=at)
    grants = selectors.get_acceptance_of_order(locked).grants
    try:
        purchases.reserve(
            [
                (backend, replace(purchase, until=at + MARGIN, is_renewed=True))
                for backend, purchase in purchases_by_kind(locked, items, at, grants=grants)
            ],
            former=former,
        )
    except OfferUnavailable as unavailable:
        raise ReservationExpired from unavailable


def _price_items(locked: Redemption, items: list[RedemptionItem], at: datetime) -> dict[tuple[str, str], int]:
    """Return the discounts that the offers of an order give now, by kind and key. Its price stays as recorded."""
    try:
        record = selectors.get_record(locked)
    except PriceRecordUnreadable as error:
        raise ReservationExpired from error
    request = QuoteRequest(
        record.cart,
        codes=tuple(item.code for item in items if item.code and item.code != item.key),
        vouchers=tuple(item.code for item in items if item.code == item.key),
        shop=locked.brand.slug if locked.brand else None,
        order=locked.order,
        platform_key=locked.platform_key,
        identities=identities.load(locked.identities),
    )
    shopper, acceptance = shopper_of(locked.customer), selectors.get_acceptance_of_order(locked)
    offered, _ = collect_candidates(request=request, shopper=shopper, acceptance=acceptance, at=at)
    had = {(item.kind, item.key) for item in items}
    candidates = [candidate for candidate in offered if (candidate.kind, candidate.key) in had]
    facts = load_customer_facts(candidates, shopper, at=at, own=request)
    priced = price_candidates(request, candidates, (), facts=facts, at=at, profile=record.profile)
    return {
        (priced.candidates[applied.ref].kind, priced.candidates[applied.ref].key): applied.amount
        for applied in priced.decision.applied
    }
