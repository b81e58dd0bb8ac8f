"""What a purchase takes of the limits of offers and of the balances of codes, before anything is taken."""

import uuid
from collections.abc import Collection, Iterator, Mapping
from zoneinfo import ZoneInfo

from accounts.contracts import Grant
from redemptions.balances.selectors import get_balances
from redemptions.codes.selectors.codes import find_single_use_codes
from redemptions.contracts import LimitedOffer, OfferUnavailable, Purchase, SelectedOffer
from redemptions.errors import CurrencyMismatch
from redemptions.limits.contracts import UNLIMITED, LimitRequest
from redemptions.limits.rules import (
    AMOUNT_SCOPES,
    UNITS_SCOPE,
    balance_scope,
    base_scope,
    counts_amount,
    grant_scope,
    is_per_customer,
    month_slot,
    period_starts,
)

Items = Mapping[uuid.UUID, SelectedOffer]
Codes = Collection[tuple[uuid.UUID, str]]


def is_counted(offer: uuid.UUID, offers: Mapping[uuid.UUID, LimitedOffer], purchase: Purchase) -> bool:
    """Return whether a redemption of one of the locked ``offers`` has a use."""
    if offer not in offers:
        return False
    return offers[offer].counts_use(purchase.identities) or offers[offer].brand_id in purchase.grants


def find_codes_to_count(items: Items, offers: Mapping[uuid.UUID, LimitedOffer]) -> Codes:
    """Return the single-use codes, with their offers, that the uses of the items note: those that keep no balance."""
    codes = [
        (key, item.code)
        for key, item in items.items()
        if item.code and offers[key].stored_value is None and offers[key].counts_codes
    ]
    return find_single_use_codes(codes=codes) if codes else ()


def list_requests(items: Items, offers: Mapping[uuid.UUID, LimitedOffer], purchase: Purchase) -> list[LimitRequest]:
    """Return what the purchase takes of the limits of offers, and of the balances of codes. Raises OfferUnavailable.

    Runs a query only if a code keeps a balance.
    """
    values = {
        (key, item.code): value
        for key, item in items.items()
        if item.code and item.amount and (value := offers[key].stored_value) is not None
    }
    balances = get_balances(values=values, at=purchase.at)
    requests = [request for key, item in items.items() for request in iter_limits(offers[key], item, purchase)]
    return requests + [
        LimitRequest(key, balance_scope(balance.currency), code, items[key].amount, balance.initial)
        for (key, code), balance in balances.items()
    ]


def iter_limits(offer: LimitedOffer, item: SelectedOffer, purchase: Purchase) -> Iterator[LimitRequest]:
    """Yield what the purchase takes of each limit of the offer; the limit to report first comes first.

    The customer and each of their further identities take from a limit per customer. Raises OfferUnavailable if the
    offer has budgets, but none in the currency of the purchase.
    """
    if item.amount and offer.currencies is not None and purchase.currency not in offer.currencies:
        error = CurrencyMismatch(currency=purchase.currency, offer_currencies=sorted(offer.currencies))
        raise OfferUnavailable(item, error)
    first_days = period_starts(purchase.at.astimezone(ZoneInfo(offer.timezone)))
    slots = {scope: day.isoformat() for scope, day in first_days.items()}
    identities = purchase.identities.list_slots(offer.brand_id)
    customers = (str(purchase.shopper_key), *identities)
    for scope, cap in offer.caps.items():
        is_amount = base_scope(scope) in AMOUNT_SCOPES
        amount = item.amount if is_amount else item.units if scope == UNITS_SCOPE else 1
        if amount and (not is_amount or counts_amount(scope, purchase.currency)):
            for slot in customers if is_per_customer(scope) else (slots.get(scope, ""),):
                yield LimitRequest(offer.id, scope, slot, amount, cap, home=purchase.shopper_key)
    for scope, cap in offer.customer_caps.items():
        for slot in identities:
            yield LimitRequest(offer.id, scope, slot, 1, cap)
    if item.amount and (grant := purchase.grants.get(offer.brand_id)):
        yield _request_grant(grant, offer, item, purchase)


def _request_grant(grant: Grant, offer: LimitedOffer, item: SelectedOffer, purchase: Purchase) -> LimitRequest:
    """Return what an item takes of a grant, which is counted without a maximum, too, for one that is set later.

    Raises OfferUnavailable if the grant has maxima, but none in the currency of the purchase.
    """
    currencies = grant.max_per_month
    if currencies and purchase.currency not in currencies:
        raise OfferUnavailable(item, CurrencyMismatch(currency=purchase.currency, offer_currencies=sorted(currencies)))
    scope, month = grant_scope(purchase.currency), month_slot(purchase.at, grant.timezone)
    cap = currencies.get(purchase.currency, UNLIMITED)
    return LimitRequest(grant.key, scope, month, item.amount, cap, offer=offer.id)
