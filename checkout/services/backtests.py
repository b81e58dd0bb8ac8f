"""Backtests: a promotion replayed on past orders, in background steps that can be canceled between two orders."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.models import Brand
from checkout import selectors
from checkout.contracts import DraftPromotion, Quote
from checkout.errors import PriceRecordUnreadable
from checkout.models import UNFINISHED, Backtest, BacktestCustomer, BacktestState, Redemption
from checkout.services import replay
from checkout.services.simulation import MAX_CREATED_AT, build_candidate
from core import ids
from core.db import translate_constraint
from core.errors import Busy, InvalidRequest
from core.outbox import enqueue_on_commit
from pricing import Facts, Offer, load_offer
from promotions.models import Promotion
from redemptions.contracts import Candidate
from redemptions.uses.contracts import list_budgets
from segments.selectors import get_segment_types

CHUNK = 50  # orders per step, about a second: a step locks the backtest, so canceling waits no longer
MAX_PERIOD = timedelta(days=366)


@transaction.atomic
def create_backtest(*, promotion: Promotion, start: datetime, end: datetime, at: datetime) -> Backtest:
    """Create a backtest of a promotion on its brand's paid orders with ``start`` <= time < ``end``, and start it.

    The promotion's dates and code are ignored; its budget, its maximums per order and per customer, its total limit and
    its limit of units apply. Raises InvalidRequest for an invalid period, and Busy if another backtest of the brand
    hasn't finished.
    """
    _validate_period(start, end, at)
    backtest = Backtest(
        brand=promotion.brand,
        promotion=promotion,
        title=promotion.name,
        offer=_offer_with_audience(promotion),
        currency=promotion.currency,
        budget=promotion.budget,
        other_budgets=promotion.other_budgets,
        max_per_order=promotion.max_per_order,
        max_per_customer=promotion.max_per_customer,
        limit_total=promotion.limit_total,
        limit_units=promotion.limit_units,
        start=start,
        end=min(end, at),
        results=replay.empty_totals(),
        created_at=at,
    )
    with translate_constraint("checkout_one_backtest_per_brand", Busy):
        backtest.save(force_insert=True)
    enqueue_on_commit("checkout.run_backtest", backtest=str(backtest.pk))
    return backtest


def _validate_period(start: datetime, end: datetime, at: datetime) -> None:
    if end <= start:
        raise InvalidRequest.field("end", _("The end must be after the start."))
    if start >= at:
        raise InvalidRequest.field("start", _("The start must be in the past."))
    if end - start > MAX_PERIOD:
        raise InvalidRequest.field("end", _("The period is limited to %(days)s days.") % {"days": MAX_PERIOD.days})


def _offer_with_audience(promotion: Promotion) -> dict[str, Any]:
    """Return the promotion's offer with its priority, and with its target audience as a condition."""
    target, offer = promotion.target_audience, dict(promotion.offer)
    audience = [{"kind": "audience", "any": [target]}] if target else []
    return offer | {"priority": promotion.priority, "conditions": [*offer.get("conditions", ()), *audience]}


@transaction.atomic
def cancel_backtest(*, pk: uuid.UUID, at: datetime) -> None:
    """Cancel a backtest and keep its results so far. A finished backtest doesn't change."""
    Backtest.objects.filter(pk=pk, state__in=UNFINISHED).update(state=BacktestState.CANCELED, finished_at=at)
    BacktestCustomer.objects.filter(backtest=pk).delete()


@transaction.atomic
def run_backtest(*, pk: uuid.UUID, at: datetime) -> None:
    """Replay the next orders of a backtest, and enqueue the next step unless these were the last.

    Does nothing if the backtest has finished, or if another worker has locked it.
    """
    backtest = selectors.lock_backtest(pk=pk)
    if backtest is None or backtest.state not in UNFINISHED:
        return
    start = uuid.UUID(int=backtest.cursor.int + 1) if backtest.cursor else ids.min_uuid7_at(backtest.start)
    redemptions = selectors.list_confirmed(
        brand_id=backtest.brand_id, start=start, end=ids.min_uuid7_at(backtest.end), limit=CHUNK
    )
    backtest.results = replay.upgrade_totals(backtest.results)
    offer = load_offer(backtest.offer)
    for redemption in redemptions:
        _replay_redemption(backtest, offer, redemption)
    backtest.cursor = redemptions[-1].pk if redemptions else backtest.cursor
    if len(redemptions) < CHUNK:
        backtest.state, backtest.finished_at = BacktestState.COMPLETED, at
        backtest.customers.all().delete()
    else:
        backtest.state = BacktestState.RUNNING
        enqueue_on_commit("checkout.run_backtest", backtest=str(backtest.pk))
    backtest.save()


def _replay_redemption(backtest: Backtest, offer: Offer, redemption: Redemption) -> None:
    """Replay one order and add the result to the backtest's totals."""
    backtest.carts_seen += 1
    try:
        quote = selectors.get_decision(redemption, explain=False)
    except PriceRecordUnreadable:
        backtest.results["unreadable"] += 1
        return
    draft = _build_draft(backtest, offer, redemption)
    if backtest.limit_total is not None and backtest.results["redemptions"] >= backtest.limit_total:
        result = replay.unaffected(quote)
    else:
        result = replay.replay_cart(quote, draft, _load_facts(backtest.brand, offer, quote, redemption))
    day = redemption.created_at.astimezone(ZoneInfo(backtest.brand.timezone)).date()
    replay.add(backtest.results, result, day)
    if backtest.max_per_customer and result.cost:
        _add_cost(backtest, redemption.customer_id, result)
    backtest.results["drifted"] += result.total_without != redemption.total
    backtest.affected += result.affected


def _add_cost(backtest: Backtest, customer: int, result: replay.Replay) -> None:
    """Add what the promotion gives on an order to what the customer gets of it."""
    key = {"backtest": backtest, "customer_id": customer, "currency": result.currency}
    BacktestCustomer.objects.update_or_create(
        **key, defaults={"cost": F("cost") + result.cost}, create_defaults={**key, "cost": result.cost}
    )


def _subtract(amounts: Mapping[str, int], spent: Mapping[str, int]) -> dict[str, int]:
    return {currency: amount - spent.get(currency, 0) for currency, amount in amounts.items()}


def _build_draft(backtest: Backtest, offer: Offer, redemption: Redemption) -> Candidate:
    """Return the promotion as a candidate for an order, with what is left of its budgets and units."""
    spent = {currency: sums["cost"] for currency, sums in backtest.results["currencies"].items()}
    by_customer: dict[str, int] = {}
    if backtest.max_per_customer:
        costs = backtest.customers.filter(customer=redemption.customer_id)
        by_customer = dict(costs.values_list("currency", "cost"))
    units = backtest.limit_units
    draft = DraftPromotion(
        str(backtest.promotion_id),
        backtest.title,
        offer,
        budgets=_subtract(list_budgets(vars(backtest)), spent),
        ceilings=backtest.max_per_order,
        currency=backtest.currency,
        units=None if units is None else units - backtest.results["units"],
        per_customer=_subtract(backtest.max_per_customer, by_customer),
    )
    return build_candidate(draft, backtest.brand, MAX_CREATED_AT)


def _load_facts(brand: Brand, offer: Offer, quote: Quote, redemption: Redemption) -> Facts:
    """Return the customer facts that the promotion's conditions need.

    Recorded facts come first; otherwise the earlier orders of that time and today's segments.
    """
    recorded = quote.facts.by_brand.get(brand.slug, Facts())
    segments, orders = recorded.segments, recorded.placed_orders
    if replay.has_condition(offer, "audience") and not replay.has_recorded_facts(quote, brand.slug, "audience"):
        segments = get_segment_types(customer_key=redemption.customer_id, brand_ids=[brand.pk])[brand.pk]
    if replay.has_condition(offer, "nth_order") and not replay.has_recorded_facts(quote, brand.slug, "nth_order"):
        orders = selectors.count_earlier_orders(redemption=redemption, brand_id=brand.pk)
    return Facts(segments, orders, recorded.reserved_orders, recorded.attributes)
