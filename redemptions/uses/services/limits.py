"""Changes of the budgets and limits of offers, and the events of budgets that are used up."""

import uuid
from collections.abc import Collection
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from core import db
from core.errors import InvalidRequest
from redemptions.backends import get_backends
from redemptions.contracts import LimitedOffer
from redemptions.lifecycle import offer_models
from redemptions.limits.contracts import Budget
from redemptions.limits.models import Strategy
from redemptions.limits.rules import (
    AMOUNT_SCOPES,
    LATE_SHARD,
    POOL_TOTAL,
    UNDIVIDED,
    UNITS_SCOPE,
    base_scope,
    is_per_customer,
    period_starts,
)
from redemptions.limits.services import report_thresholds
from redemptions.limits.strategies import orders as limits
from redemptions.uses.models import OfferLimits, OfferUse

MAX_POOL_UNITS = 10_000_000  # rows
CHUNK = 500  # offers whose budgets are read at once
REPORTED_AFTER_END = timedelta(days=1)  # so that the last orders before the end count, too


def change_limits(*, before: LimitedOffer, after: LimitedOffer, currency: str, at: datetime) -> None:
    """Set, change and remove limits of an offer that the caller has locked exclusively.

    A limit that is set counts what was used before. ``currency`` is the one of uses that name none.
    """
    new = after.caps.keys() - before.caps.keys()
    if new:
        with db.extended_timeouts():
            _open_limits(after, new, currency, at)
    for scope in sorted(before.caps.keys() | after.caps.keys()):
        cap = after.caps.get(scope)
        if cap is None:
            limits.close_limit(owner=after.id, scope=scope)
        elif scope not in new and cap != before.caps[scope]:
            limits.resize(owner=after.id, scope=scope, cap=cap, count=partial(_count_total, after.id, scope))


def open_total(offer: LimitedOffer) -> None:
    """Prepare the total limit of a new offer, if its strategy needs that: others get rows when they are used."""
    for scope in limits.BY_SCOPE.keys() & offer.caps.keys():
        limits.open_limit(owner=offer.id, scope=scope, cap=offer.caps[scope], counted={})


def check_pool(*, strategy: str, total: int | None, field: str) -> None:
    """Check that a total limit, which ``field`` names, isn't too large for a pool. Raises InvalidRequest."""
    if strategy == Strategy.POOL and total is not None and total > MAX_POOL_UNITS:
        detail = _("A pool has at most %(units)s units. Choose another counting method.")
        raise InvalidRequest.field(field, detail % {"units": f"{MAX_POOL_UNITS:,}"})


def _open_limits(offer: LimitedOffer, scopes: Collection[str], currency: str, at: datetime) -> None:
    """Set limits that an offer didn't have, with what was used before. Takes seconds for 100,000 redemptions."""
    get_backends()[offer.kind].record_uses(offer=offer.id)
    for scope in sorted(scopes):
        counted = _count_uses(offer, scope, currency, at)
        limits.open_limit(owner=offer.id, scope=scope, cap=offer.caps[scope], counted=counted)


def _count_uses(offer: LimitedOffer, scope: str, currency: str, at: datetime) -> dict[tuple[str, int], int]:
    """Return what was used of a limit before it is set, by slot and shard, and note it in the uses.

    Of a limit per day, week or month, only the current period counts.
    """
    zone = ZoneInfo(offer.timezone)
    first_day = period_starts(at.astimezone(zone)).get(scope)
    params = {
        "offer": offer.id, "scope": scope, "timezone": offer.timezone, "currency": currency,
        "of_currency": scope.partition(":")[2] if base_scope(scope) in AMOUNT_SCOPES else None,
        "shard": 0 if is_per_customer(scope) or scope in UNDIVIDED else LATE_SHARD,
        "since": None if first_day is None else datetime.combine(first_day, time.min, zone),
    }  # fmt: skip
    if scope == UNITS_SCOPE:
        _record_units(offer.id)
    elif scope == POOL_TOTAL:
        db.execute("redemptions/uses/sql/record_pool.sql", params)
    else:
        db.execute("redemptions/uses/sql/record_limit.sql", params)
    return _count_limit(offer.id, scope)


def _count_limit(offer: uuid.UUID, scope: str) -> dict[tuple[str, int], int]:
    """Return what the uses of an offer took of a limit, by slot and shard."""
    rows = db.fetch_all("redemptions/uses/sql/count_limit.sql", {"offer": offer, "scope": scope})
    return {(row["slot"], row["shard"]): row["amount"] for row in rows}


def _count_total(offer: uuid.UUID, scope: str) -> int:
    """Return what the uses of an offer took of a total limit."""
    return sum(_count_limit(offer, scope).values())


def _record_units(offer: uuid.UUID) -> None:
    """Note in the uses of an offer how many units of goods they have. Only orders have some."""
    redemptions = list(OfferUse.objects.filter(offer_id=offer, is_lapsed=False).values_list("redemption_id", flat=True))
    units = import_string(settings.UNIT_COUNTER)(offer=offer, redemptions=redemptions)
    params = {"offer": offer, "shard": LATE_SHARD, "redemptions": list(units), "units": list(units.values())}
    db.execute("redemptions/uses/sql/record_units.sql", params)


def report_budgets(*, at: datetime) -> int:
    """Append an event of each threshold that a budget of an offer has reached, once. Return their number."""
    return sum(_report_budgets(model, at) for model in offer_models() if issubclass(model, OfferLimits))


def _report_budgets(model: Any, at: datetime) -> int:
    has_budget = Q(budget__isnull=False) | ~Q(other_budgets={})
    offers = model.objects.filter(has_budget, start_date__lte=at, end_date__gt=at - REPORTED_AFTER_END)
    keys: list[uuid.UUID | int] = list(offers.order_by("pk").values_list("pk", flat=True))
    total = 0
    for start in range(0, len(keys), CHUNK):
        budgets = [
            Budget(offer.offer_key, offer.brand_id, currency, cap)
            for offer in model.objects.filter(pk__in=keys[start : start + CHUNK])
            for currency, cap in offer.budgets.items()
        ]
        total += report_thresholds(kind=model.offer_kind, budgets=budgets, at=at)
    return total
