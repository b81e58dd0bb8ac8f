"""Takes what a quote chose, all together, for one order."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from accounts.contracts import Shopper
from accounts.services import get_or_create_customer
from checkout import rules, selectors
from checkout.contracts import Quote, QuoteRequest, RedemptionOptions
from checkout.errors import as_conflict
from checkout.models import Redemption, RedemptionItem, Status
from checkout.services.quotes import quote
from checkout.services.transitions import purchases_by_kind, release
from core import money
from core.db import translate_constraint
from core.errors import Busy
from core.ids import uuid7
from promotions.contracts import OfferUnavailable, Rejection
from promotions.errors import InvalidStatus, PriceChanged


@transaction.atomic
def reserve(*, request: QuoteRequest, order: RedemptionOptions, shopper: Shopper, at: datetime) -> Redemption:
    """Reserve one use of everything that the cart's codes give, until the order is paid.

    All or nothing, unless ``order.skip``: the first code that cannot be had refuses the whole with its reason (409),
    and nothing is taken. The same request for the same order answers the same redemption; another one replaces it.
    Raises PriceChanged, WrongState (the order is confirmed) and Busy (the same order at the same moment).
    """
    known = get_or_create_customer(shopper=shopper)
    live = selectors.lock_live(brand_id=order.brand_id, customer_key=known.key, order=order.reference)
    if live is not None:
        if bytes(live.fingerprint) == order.fingerprint and (live.status == Status.CONFIRMED or live.expires_at > at):
            return live
        if live.status == Status.CONFIRMED:
            raise InvalidStatus(status_now=live.status)
        release(redemption=live, at=at)
    return _price_until_stable(request, order, known, at)


def _price_until_stable(request: QuoteRequest, order: RedemptionOptions, shopper: Shopper, at: datetime) -> Redemption:
    """Price and take; what others took the last of meanwhile is priced again without it, or refuses the whole."""
    lost: dict[str, Rejection] = {}
    while True:
        priced = quote(request=request, shopper=shopper, at=at, lost=lost)
        _check_expected_total(priced, order)
        try:
            with transaction.atomic():
                return _persist_and_reserve(priced, order, shopper, at)
        except OfferUnavailable as loss:
            reason = loss.refusal.as_dict()
            if loss.taking.code and not order.skip:
                raise as_conflict(reason, loss.taking.code) from loss
            lost[priced.ref_of(loss.taking)] = Rejection(loss.taking.code, reason)


def _check_expected_total(priced: Quote, order: RedemptionOptions) -> None:
    refused = next(iter(rules.serialize_rejections(priced)), None)
    if refused is not None and not order.skip:
        raise as_conflict(refused["reason"], refused["code"])
    if order.expect_total is not None and order.expect_total != priced.decision.total:
        currency = priced.request.cart.currency
        raise PriceChanged(
            expected=money.format_decimal(order.expect_total, currency),
            total=money.format_decimal(priced.decision.total, currency),
        )


def _persist_and_reserve(priced: Quote, order: RedemptionOptions, shopper: Shopper, at: datetime) -> Redemption:
    decision = priced.decision
    redemption = Redemption(
        id=uuid7(at),
        brand_id=order.brand_id,
        customer_id=shopper.key,
        order=order.reference,
        fingerprint=order.fingerprint,
        currency=priced.request.cart.currency,
        subtotal=decision.subtotal,
        discount_total=decision.discount_total,
        total=decision.total,
        cart=rules.dump_cart(priced.request.cart),
        quote=rules.serialize_quote(priced),
        record=rules.dump_record(priced),
        created_at=at,
        expires_at=at + timedelta(seconds=order.ttl_seconds),
    )
    with (
        translate_constraint("checkout_one_live_per_brand_order", Busy),
        translate_constraint("checkout_one_live_per_customer_order", Busy),
    ):
        redemption.save(force_insert=True)
    items = list(_items(redemption, priced))
    RedemptionItem.objects.bulk_create(items)
    for redeemer, purchase in purchases_by_kind(redemption, items, at):
        redeemer.reserve(purchase=purchase)
    return redemption


def _items(redemption: Redemption, priced: Quote) -> Iterator[RedemptionItem]:
    for position, applied in enumerate(priced.decision.applied):
        candidate = priced.candidates[applied.ref]
        yield RedemptionItem(
            redemption=redemption,
            position=position,
            kind=candidate.kind,
            key=candidate.key,
            code=candidate.code,
            brand_id=candidate.brand_id,
            title=candidate.title[:200],
            amount=applied.amount,
        )
