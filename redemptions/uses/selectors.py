"""Reads of what is used and left of the budgets and limits of offers, and of their uses."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from accounts.contracts import Grant
from core import db
from core.errors import DomainError
from redemptions.contracts import AvailabilityQuery, Candidate, CodeStatus, LimitedOffer, Purchase, Rejection
from redemptions.errors import CurrencyMismatch, GrantExhausted
from redemptions.identities import NO_IDENTITIES, Identities
from redemptions.limits.rules import (
    AMOUNT_SCOPES,
    BUDGET,
    GRANT,
    TOTALS,
    UNITS_SCOPE,
    base_scope,
    budget_scope,
    counts_amount,
    grant_scope,
    is_per_customer,
    limit_error,
    month_slot,
    period_starts,
)
from redemptions.limits.selectors import get_taken
from redemptions.uses.models import OfferUse

RemainingByLimit = dict[tuple[uuid.UUID, str], int]


def get_usage_by_limit(*, offer: LimitedOffer, at: datetime) -> dict[str, int]:
    """Return what is used of an offer's budgets and of its limits in the current periods, by scope.

    A limit without usage is absent, and so is the limit per customer.
    """
    slots = _slots(at, offer.timezone) | {budget_scope(currency): "" for currency in offer.budgets}
    taken = get_taken(owners=[offer.id], slots=list(slots.items()))
    return {scope: used for (_, scope, _), used in taken.items()}


def get_budgets_left(*, offers: Sequence[LimitedOffer]) -> dict[uuid.UUID, dict[str, int]]:
    """Return what is left of the budgets of offers, in minor units by currency. Runs one query, or none.

    Below what was used, nothing is left.
    """
    owners = [offer.id for offer in offers if offer.budgets]
    currencies = {currency for offer in offers for currency in offer.budgets}
    taken = get_taken(owners=owners, slots=[(budget_scope(currency), "") for currency in currencies])
    return {
        offer.id: {
            currency: max(0, budget - taken.get((offer.id, budget_scope(currency), ""), 0))
            for currency, budget in offer.budgets.items()
        }
        for offer in offers
    }


def _slots(at: datetime, timezone: str) -> dict[str, str]:
    days = period_starts(at.astimezone(ZoneInfo(timezone)))
    totals = dict.fromkeys((*TOTALS.values(), UNITS_SCOPE), "")
    return totals | {scope: day.isoformat() for scope, day in days.items()}


def get_remaining(
    *,
    offers: Sequence[LimitedOffer],
    at: datetime,
    customer: int | None,
    identities: Identities = NO_IDENTITIES,
) -> RemainingByLimit:
    """Return what is left of the limits of offers, by offer and scope.

    Of a limit per customer, it is the least of what is left for the customer and each of the ``identities``. What
    expired reservations took is left. A limit without usage is absent. Runs one query for each time zone, two if a
    limit may be reached, or none if no offer has a limit.
    """
    remaining: RemainingByLimit = {}
    caps = {offer.id: {**offer.caps, **(offer.customer_caps if identities else {})} for offer in offers}
    limited = {offer.id: offer for offer in offers if caps[offer.id]}
    for timezone in {offer.timezone for offer in limited.values()}:
        owners = [owner for owner, offer in limited.items() if offer.timezone == timezone]
        customers = {
            str(customer),
            *(slot for owner in owners for slot in identities.list_slots(limited[owner].brand_id)),
        }
        scopes = {scope for owner in owners for scope in caps[owner]}
        slots = [pair for pair in _slots(at, timezone).items() if pair[0] in scopes]
        slots += [(scope, "") for scope in scopes if base_scope(scope) in AMOUNT_SCOPES and not is_per_customer(scope)]
        slots += [(scope, slot) for scope in scopes if is_per_customer(scope) for slot in customers]
        left = {
            (owner, scope, slot): caps[owner][scope] - taken
            for (owner, scope, slot), taken in get_taken(owners=owners, slots=slots).items()
            if scope in caps[owner]
        }
        if any(rest <= 0 or base_scope(key[1]) in (*AMOUNT_SCOPES, UNITS_SCOPE) for key, rest in left.items()):
            for row in db.fetch_all("redemptions/uses/sql/sum_expired.sql", {"offers": owners, "at": at}):
                key = (row["promotion_id"], row["scope"], row["slot"])
                if key in left:
                    left[key] += row["amount"]
        for (owner, scope, _), rest in left.items():
            remaining[owner, scope] = min(rest, remaining.get((owner, scope), rest))
    return remaining


def list_amounts_left(offer: LimitedOffer, remaining: RemainingByLimit) -> dict[str, tuple[int, str]]:
    """Return what the customer may get of an offer, with the scope of the limit that leaves it, by currency."""
    left: dict[str, tuple[int, str]] = {}
    for scope, cap in offer.caps.items():
        base, _, currency = scope.partition(":")
        if base in AMOUNT_SCOPES:
            rest = remaining.get((offer.id, scope), cap)
            if currency not in left or rest < left[currency][0]:
                left[currency] = rest, base
    return left


def units_left(offer: LimitedOffer, remaining: RemainingByLimit) -> int | None:
    """Return the number of units of goods that the offer has left; None without such a limit."""
    cap = offer.caps.get(UNITS_SCOPE)
    return None if cap is None else max(0, remaining.get((offer.id, UNITS_SCOPE), cap))


def restrict_offer(
    offered: Candidate | Rejection, offer: LimitedOffer, remaining: RemainingByLimit, *, currency: str
) -> Candidate | Rejection:
    """Return the candidate of a code with what is left of budgets, or its rejection if a limit is reached."""
    if isinstance(offered, Rejection):
        return offered
    error = reached_limit_error(offer, remaining, currency=currency)
    if error is not None:
        return Rejection(offered.code, error.as_dict(), offered.kind, offered.offer_id, offered.brand_id)
    return restrict_candidate(offered, offer, remaining)


def restrict_available(
    candidates: Sequence[tuple[Candidate, LimitedOffer]], *, query: AvailabilityQuery
) -> list[Candidate]:
    """Return the candidates with what is left of the budgets of their offers, without those whose limit is reached."""
    remaining = get_remaining(
        offers=[offer for _, offer in candidates],
        at=query.at,
        customer=query.shopper.id,
        identities=query.identities,
    )
    return [
        restrict_candidate(candidate, offer, remaining)
        for candidate, offer in candidates
        if reached_limit_error(offer, remaining) is None
    ]


def restrict_candidate(candidate: Candidate, offer: LimitedOffer, remaining: RemainingByLimit) -> Candidate:
    """Return the candidate with what is left of the budgets and units of its offer, and its ceilings."""
    amounts = list_amounts_left(offer, remaining)
    return replace(
        candidate,
        budgets_left={currency: left for currency, (left, _) in amounts.items()},
        limited_by={currency: base for currency, (_, base) in amounts.items() if base != BUDGET},
        ceilings=offer.ceilings,
        currencies=offer.currencies,
        units_left=units_left(offer, remaining),
    )


def reached_limit_error(
    offer: LimitedOffer, remaining: RemainingByLimit, *, currency: str | None = None
) -> DomainError | None:
    """Return the error of a limit of an offer that has nothing left, or None.

    Of the budgets, the one in ``currency`` counts; without a currency, all of them must be used up. The engine decides
    whether the units that are left are enough for a cart.
    """
    for base in AMOUNT_SCOPES:
        scopes = [scope for scope in offer.caps if base_scope(scope) == base]
        if currency is not None:
            scopes = [scope for scope in scopes if counts_amount(scope, currency)]
        if scopes and all(remaining.get((offer.id, scope), 1) <= 0 for scope in scopes):
            return limit_error(base)
    decided_later = AMOUNT_SCOPES if currency is None else (*AMOUNT_SCOPES, UNITS_SCOPE)
    counted = (scope for scope in (*offer.caps, *offer.customer_caps) if base_scope(scope) not in decided_later)
    return next((limit_error(scope) for scope in counted if remaining.get((offer.id, scope), 1) <= 0), None)


# --- grants -----------------------------------------------------------------------------------------------------------
def restrict_to_grants(
    results: list[Candidate | Rejection], *, grants: Mapping[uuid.UUID, Grant], currency: str, at: datetime
) -> list[Candidate | Rejection]:
    """Return the results with what is left of the grants of their brands in this month.

    A candidate of a grant with nothing left, or with no maximum in the currency, becomes a rejection if it has a code,
    and is left out otherwise. Runs a query or two only if one of the brands has a maximum.
    """
    brands = {result.brand_id for result in results if isinstance(result, Candidate)}
    limited = {brand: grant for brand, grant in grants.items() if brand in brands and grant.max_per_month}
    if not limited:
        return results
    left = _get_left(limited.values(), currency, at)
    restricted = (
        _restrict(result, limited[result.brand_id], left, currency)
        if isinstance(result, Candidate) and result.brand_id in limited
        else result
        for result in results
    )
    return [result for result in restricted if isinstance(result, Candidate) or result.code]


def _get_left(grants: Iterable[Grant], currency: str, at: datetime) -> dict[uuid.UUID, int]:
    """Return what is left of grants by key. What expired reservations took is left."""
    scope, months = grant_scope(currency), {grant.key: month_slot(at, grant.timezone) for grant in grants}
    taken = get_taken(owners=list(months), slots=[(scope, month) for month in set(months.values())])
    left = {
        grant.key: grant.max_per_month.get(currency, 0) - taken.get((grant.key, scope, months[grant.key]), 0)
        for grant in grants
    }
    if taken:
        for row in db.fetch_all("redemptions/uses/sql/sum_expired_grants.sql", {"grants": list(months), "at": at}):
            if (row["scope"], row["slot"]) == (scope, months[row["grant_key"]]):
                left[row["grant_key"]] += row["amount"]
    return left


def _restrict(
    candidate: Candidate, grant: Grant, left: Mapping[uuid.UUID, int], currency: str
) -> Candidate | Rejection:
    error: DomainError | None = None
    if currency not in grant.max_per_month:
        error = CurrencyMismatch(currency=currency, offer_currencies=sorted(grant.max_per_month))
    elif left[grant.key] <= 0:
        error = GrantExhausted()
    if error is not None:
        return Rejection(candidate.code, error.as_dict(), candidate.kind, candidate.offer_id, candidate.brand_id)
    own, most = candidate.budgets_left.get(currency), left[grant.key]
    if own is not None and own <= most:
        return candidate
    return replace(
        candidate,
        budgets_left={**candidate.budgets_left, currency: most},
        limited_by={**candidate.limited_by, currency: GRANT},
    )


# --- single-use codes -------------------------------------------------------------------------------------------------
def get_code_statuses(*, offer: uuid.UUID, codes: Collection[str], at: datetime) -> dict[str, CodeStatus]:
    """Return the statuses of codes that uses note, as ``CodeBackend.get_code_statuses`` describes them."""
    uses = OfferUse.objects.filter(offer_id=offer, code__in=codes)
    uses = uses.exclude(code="").exclude(reserved_until__lte=at)
    return {
        code: CodeStatus.USED if reserved_until is None else CodeStatus.RESERVED
        for code, reserved_until in uses.values_list("code", "reserved_until")
    }


# --- uses -------------------------------------------------------------------------------------------------------------
def active_items(*, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], bool]:
    """Return the state of items that have uses, as ``RedemptionBackend.active_items`` describes it."""
    items = _items_by_use(purchases)
    return {items[use.key]: use.reserved_until is None for use in _uses_of(purchases) if use.key in items}


def returned_amounts(*, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], int]:
    """Return the returned amounts of items, as ``RedemptionBackend.returned_amounts`` describes it."""
    items = _items_by_use(purchases)
    return {items[use.key]: use.returned_amount for use in _uses_of(purchases) if use.key in items}


def _items_by_use(purchases: Sequence[Purchase]) -> dict[tuple[uuid.UUID, uuid.UUID], tuple[uuid.UUID, str]]:
    return {(item.offer_id, purchase.id): (purchase.id, item.key) for purchase in purchases for item in purchase.items}


def _uses_of(purchases: Sequence[Purchase]) -> list[OfferUse]:
    offers = {item.offer_id for purchase in purchases for item in purchase.items}
    redemptions = [purchase.id for purchase in purchases]
    return list(OfferUse.objects.filter(offer_id__in=offers, redemption_id__in=redemptions, is_lapsed=False))
