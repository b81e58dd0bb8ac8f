"""Consistency check of budgets and limits: compares their rows with the uses of offers, of every kind."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from core import db
from redemptions.lifecycle import offer_models
from redemptions.limits import services as limits
from redemptions.limits.models import Limit, Strategy
from redemptions.limits.selectors import find_wrong_caps
from redemptions.limits.strategies import pool
from redemptions.limits.strategies.approximate import hard_cap
from redemptions.uses.models import OfferLimits, OfferTotalLimit, OfferUse

CHUNK = 500
GRACE = timedelta(minutes=10)  # expired reservations are normally released within a minute
RECOUNT_GRANTS = "redemptions/uses/sql/recount_grants.sql"
RECOUNT_HARD_CAPS = "redemptions/uses/sql/recount_hard_caps.sql"
RECOUNT_UNITS = "redemptions/uses/sql/recount_units.sql"
RECOUNT = "redemptions/uses/sql/recount_limits.sql"


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line for each difference. With ``repair``, set limits to what the uses took."""
    for model in offer_models():
        if issubclass(model, OfferLimits):
            for offers in _iter_limited(model):
                yield from _check_counts(model, offers, repair)
                yield from _check_caps(offers)
                if issubclass(model, OfferTotalLimit):
                    yield from _check_totals(model, [offer.offer_key for offer in offers], repair)
    yield from _check_grants(repair)
    for row in db.fetch_all("redemptions/uses/sql/select_uncounted_identities.sql", {}):
        yield (
            f"{row['kind']} {row['promotion_id']}: {row['scope']} doesn't count {row['slot']} of {row['redemption_id']}"
        )
    for use in OfferUse.objects.filter(reserved_until__lt=at - GRACE).iterator():
        yield (
            f"{use.kind} {use.offer_id}: reservation of {use.redemption_id} expired at"
            f" {use.reserved_until:%Y-%m-%dT%H:%MZ} and was not released"
        )


def _iter_limited(model: Any) -> Iterator[list[Any]]:
    """Yield the offers of a kind that have rows of limits, in chunks."""
    owners = Limit.objects.order_by("owner").values("owner").distinct()
    keys = list(model.with_offer_keys(owners).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK):
        chunk = model.objects.filter(pk__in=keys[start : start + CHUNK])
        yield list(chunk.select_related("brand").order_by("pk"))


def _check_counts(model: Any, offers: Collection[Any], repair: bool) -> Iterator[str]:
    for row in db.fetch_all(RECOUNT, _params(model, [offer.offer_key for offer in offers])):
        repaired = repair and _recount(model, row["owner"])
        limit = " ".join(filter(None, [row["scope"], row["slot"], f"shard {row['shard']}"]))
        yield (
            f"{model.offer_kind} {row['owner']}: {limit} is {row['taken']} of {row['cap']},"
            f" but redemptions took {row['counted']}" + (": repaired" if repaired else "")
        )


def _params(model: Any, offers: list[UUID]) -> dict[str, Any]:
    return {"offers": offers, "own_scopes": list(model.own_scopes)}


@transaction.atomic
def _recount(model: Any, offer: UUID) -> bool:
    """Recount while the offer is locked. Return False if uses exceed a cap."""
    list(model.with_offer_keys([offer]).select_for_update())
    return limits.recount(owner=offer, rows=db.fetch_all(RECOUNT, _params(model, [offer])))


def _check_totals(model: Any, offers: list[UUID], repair: bool) -> Iterator[str]:
    """Check the counters of approximate limits, and which uses have the units of pools."""
    for row in db.fetch_all(RECOUNT_HARD_CAPS, {"offers": offers}):
        yield (
            f"{model.offer_kind} {row['owner']}: {row['scope']} is {row['taken']} of {row['cap']}, but"
            f" {row['counted']} are counted"
        )
    for row in db.fetch_all(RECOUNT_UNITS, {"offers": offers}):
        has = "lacks" if row["is_active"] else "is not counted but has"
        repaired = repair and pool.repair_unit(owner=row["owner"], unit=row)
        yield (
            f"{model.offer_kind} {row['owner']}: redemption {row['redemption_id']} {has} unit {row['number']}"
            + (": repaired" if repaired else "")
        )


def recount_approximate(*, at: datetime) -> int:
    """Set the counters of active approximate limits to the uses that they count. Return the number of offers."""
    total = 0
    kinds: list[Any] = [model for model in offer_models() if issubclass(model, OfferTotalLimit)]
    for model in kinds:
        offers = model.objects.filter(
            limit_strategy=Strategy.APPROXIMATE, limit_total__isnull=False, start_date__lte=at, end_date__gt=at
        )
        for owner, cap in offers.values_list(model.offer_key_field, "limit_total"):
            params = {"owner": owner, "hard_cap": hard_cap(cap)}
            total += db.execute("redemptions/uses/sql/recount_approximate.sql", params)
    return total


def _check_grants(repair: bool) -> Iterator[str]:
    """Check what grants between brands gave in each month."""
    for row in db.fetch_all(RECOUNT_GRANTS, {"grant": None}):
        repaired = repair and _recount_grant(row["owner"])
        yield (
            f"grant {row['owner']}: {row['scope']} {row['slot']} is {row['taken']}, but redemptions took"
            f" {row['counted']}" + (": repaired" if repaired else "")
        )


@transaction.atomic
def _recount_grant(grant: UUID) -> bool:
    """Recount a grant while its rows are locked, so that nothing is taken meanwhile."""
    list(Limit.objects.select_for_update().filter(owner=grant).order_by("scope", "slot", "shard"))
    return limits.recount(owner=grant, rows=db.fetch_all(RECOUNT_GRANTS, {"grant": grant}))


def _check_caps(offers: Collection[Any]) -> Iterator[str]:
    """Yield a line for each limit whose shards don't add up to it."""
    for offer in offers:
        caps = {**offer.caps, **offer.own_caps}
        for (scope, slot), total in find_wrong_caps(owner=offer.offer_key, caps=caps):
            limit = " ".join(filter(None, [scope, slot]))
            yield f"{offer.offer_kind} {offer.offer_key}: shards of {limit} add up to {total}, not {caps.get(scope)}"
