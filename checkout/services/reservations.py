"""Reservations: the offers of a quote, reserved together for one order."""

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.contracts import Acceptance, CheckoutBy, Shopper
from accounts.selectors import lock_customer
from accounts.services import get_or_create_customer
from checkout import price_records, rules, selectors, serialization
from checkout.contracts import Quote, QuoteRequest, RedemptionOptions
from checkout.errors import as_conflict
from checkout.models import Redemption, RedemptionItem
from checkout.services.quotes import price
from checkout.services.rejections import record_rejection, record_rejections, reject_candidate
from checkout.services.transitions import as_released, close, purchases_by_kind
from core import db, money
from core.db import translate_constraint
from core.errors import Busy, DomainError, PermissionDenied
from core.ids import uuid7
from redemptions import purchases
from redemptions.contracts import BalanceChanged, OfferUnavailable, Rejection
from redemptions.errors import InvalidStatus, PriceChanged
from redemptions.reservations import lock_blocked
from redemptions.statuses import PAID

MAX_BALANCE_CHANGES = 20  # of a code that other orders use at the same time; each of them reserves meanwhile


@transaction.atomic
def reserve(
    *, request: QuoteRequest, options: RedemptionOptions, shopper: Shopper, acceptance: Acceptance, at: datetime
) -> Redemption:
    """Reserve one redemption of each applied offer until the order is paid, all or nothing.

    The first code that can't be redeemed rejects the whole with its reason (409), unless ``options.skip`` leaves such
    codes out. The same request for the same order returns the same redemption; another request replaces it. Raises
    PriceChanged, InvalidStatus (the order is confirmed), Busy (a concurrent request for the same order) and, for a
    shopper, PermissionDenied (an applied offer of a brand that doesn't let shoppers reserve), TooManyReservations
    (the shopper has reserved other orders with offers of the brand) and Throttled (several of them expired unpaid).
    """
    customer = get_or_create_customer(shopper=shopper)
    live = selectors.lock_live_redemption(
        brand_id=options.brand_id,
        platform_key=options.platform_key,
        customer_key=customer.key,
        order=options.reference,
    )
    if live is not None:
        is_usable = live.status in PAID or live.expires_at > at
        if bytes(live.fingerprint) == options.fingerprint and is_usable:
            return live
        if live.status in PAID:
            raise InvalidStatus(current_status=live.status)
        lock_customer(customer.key)  # before the limits, which a concurrent order of the customer locks after it
    return _price_until_stable(request, options, customer, acceptance, at, live=live)


def _price_until_stable(
    request: QuoteRequest,
    options: RedemptionOptions,
    customer: Shopper,
    acceptance: Acceptance,
    at: datetime,
    *,
    live: Redemption | None,
) -> Redemption:
    """Price the cart and reserve the applied offers. Reprice without offers that have become unavailable.

    ``live`` is the locked reservation that is replaced, if any. A cart that takes a balance which has changed is
    repriced with what is left. Raises Busy if it keeps changing.
    """
    lost: dict[str, Rejection] = {}
    attempts_left = MAX_BALANCE_CHANGES
    while True:
        with as_released(live, at) as former:
            priced = price(request=request, shopper=customer, acceptance=acceptance, at=at, lost=lost, is_locking=True)
            error = _find_shopper_error(priced, customer, at) if acceptance.is_shopper else None
        try:
            if error is not None:
                raise error
            _check_rejections(priced, options)
            check_expected_total(priced, options.expect_total)
            with transaction.atomic():
                if live is not None:
                    close(redemption=live, at=at)
                redemption = _persist_and_reserve(priced, options, customer, acceptance, at, former=former)
        except BalanceChanged as changed:
            attempts_left -= 1
            if not attempts_left:
                raise Busy from changed
        except OfferUnavailable as unavailable:
            item, reason = unavailable.item, unavailable.error.as_dict()
            reference = priced.get_reference(item)
            rejection = reject_candidate(priced.candidates[reference], reason)
            if item.code and not options.skip:
                record_rejection(rejection, priced=priced, shopper=customer, order=options.reference, at=at)
                raise as_conflict(reason, item.code) from unavailable
            lost[reference] = rejection
        except DomainError:
            record_rejections(priced, shopper=customer, order=options.reference, at=at)
            raise
        else:
            record_rejections(priced, shopper=customer, order=options.reference, at=at)
            return redemption


def _find_shopper_error(priced: Quote, customer: Shopper, at: datetime) -> DomainError | None:
    """Return why a brand whose offers the quote applies doesn't let the shopper reserve another order, if one doesn't.

    The error is PermissionDenied, TooManyReservations or Throttled.
    """
    brand_ids = {priced.candidates[applied.ref].brand_id for applied in priced.decision.applied}
    if not brand_ids:
        return None
    try:
        selectors.check_shopper(brand_ids, CheckoutBy.SHOPPER_RESERVES, CheckoutBy.SHOPPER)
    except PermissionDenied as error:
        return error
    blocked = lock_blocked(customers=[customer.key], at=at)
    return next((blocked[customer.key, brand] for brand in brand_ids if (customer.key, brand) in blocked), None)


def _check_rejections(priced: Quote, options: RedemptionOptions) -> None:
    """Raise the reason of the first rejected code, unless rejected codes are to be skipped."""
    rejected = next(serialization.serialize_rejections(priced), None)
    if rejected is not None and not options.skip:
        raise as_conflict(rejected["reason"], rejected["code"])


def check_expected_total(priced: Quote, expected: int | None) -> None:
    """Raise PriceChanged if the total differs from the one that the caller expects, if any."""
    if expected is not None and expected != priced.decision.total:
        currency = priced.request.cart.currency
        raise PriceChanged(
            expected=money.format_decimal(expected, currency),
            total=money.format_decimal(priced.decision.total, currency),
        )


def _persist_and_reserve(
    priced: Quote,
    options: RedemptionOptions,
    customer: Shopper,
    acceptance: Acceptance,
    at: datetime,
    *,
    former: purchases.Purchases,
) -> Redemption:
    """Create the redemption with its items, and reserve these with their backends instead of the ``former`` ones."""
    decision = priced.decision
    redemption = Redemption(
        id=uuid7(at),
        brand_id=options.brand_id,
        platform_key=options.platform_key,
        customer_id=customer.key,
        order=options.reference,
        fingerprint=options.fingerprint,
        currency=priced.request.cart.currency,
        subtotal=decision.subtotal,
        discount_total=decision.discount_total,
        total=decision.total,
        identities=dump_identities(priced, options.brand_id),
        cart=price_records.dump_cart(priced.request.cart),
        quote=serialization.serialize_quote(priced),
        record=price_records.dump_record(priced),
        external_id=options.external_id,
        metadata=options.metadata,
        created_at=at,
        updated_at=at,
        expires_at=at + timedelta(seconds=options.ttl_seconds),
    )
    with (
        translate_constraint("checkout_one_live_per_brand_order", Busy),
        translate_constraint("checkout_one_live_per_customer_order", Busy),
        translate_constraint("checkout_one_live_per_platform_order", Busy),
    ):
        redemption.save(force_insert=True)
    items = list(redemption_items(redemption, priced))
    db.execute(
        "checkout/sql/insert_items.sql",
        {
            "redemption": redemption.pk,
            "items": json.dumps([_to_row(item) for item in items]),
            "parts": json.dumps(
                [{"brand": str(brand), "subtotal": sum_} for brand, sum_ in sum_parts(redemption, priced).items()]
            ),
        },
    )
    purchases.reserve(purchases_by_kind(redemption, items, at, grants=acceptance.grants), former=former)
    return redemption


def dump_identities(priced: Quote, *brand_ids: uuid.UUID | None) -> dict[str, list[str]]:
    """Return the slots of a request's identities in limits of these brands and of those whose offers it gets."""
    applied = {priced.candidates[applied.ref].brand_id for applied in priced.decision.applied}
    return priced.request.identities.dump(applied | {brand_id for brand_id in brand_ids if brand_id is not None})


def sum_parts(redemption: Redemption, priced: Quote) -> dict[uuid.UUID, int]:
    """Return what of the order counts for each brand that a priced redemption concerns."""
    applied = [priced.candidates[applied.ref] for applied in priced.decision.applied]
    brands = {candidate.brand_id: candidate.brand for candidate in applied}
    if redemption.brand_id is not None:
        brands[redemption.brand_id] = priced.request.shop or ""
    return rules.sum_by_brand(priced.request.cart, brands, own=redemption.brand_id)


def redemption_items(redemption: Redemption, priced: Quote) -> Iterator[RedemptionItem]:
    """Yield an item for each offer that a quote applies, in order."""
    for position, applied in enumerate(priced.decision.applied):
        candidate = priced.candidates[applied.ref]
        yield RedemptionItem(
            redemption=redemption,
            position=position,
            kind=candidate.kind,
            key=candidate.key,
            code=candidate.code,
            brand_id=candidate.brand_id,
            offer_id=candidate.offer_id,
            title=candidate.title[:200],
            amount=applied.amount,
            line_units=dict(applied.units),
            gift_units=applied.gift_units,
        )


def _to_row(item: RedemptionItem) -> dict[str, Any]:
    return {
        "position": item.position,
        "kind": item.kind,
        "key": item.key,
        "code": item.code,
        "brand": str(item.brand_id),
        "offer": None if item.offer_id is None else str(item.offer_id),
        "title": item.title,
        "amount": item.amount,
        "line_units": item.line_units,
        "gift_units": item.gift_units,
    }
