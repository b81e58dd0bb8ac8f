"""A draft replayed on the carts of the past, in the background: in steps that may stop and go on at any cart."""

import uuid
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import Brand
from checkout import rules, selectors
from checkout.contracts import DraftPromotion, Quote
from checkout.models import UNFINISHED, Backtest, BacktestState, Redemption
from checkout.services import replay as replay_service
from checkout.services.simulation import MAX_CREATED_AT, candidate
from core import ids
from core.db import translate_constraint
from core.errors import Busy, InvalidRequest
from core.outbox import enqueue_on_commit
from pricing import Facts, Offer, parse_offer
from promotions.contracts import Candidate
from promotions.models import Promotion
from segments.selectors import segment_types

CHUNK = 50  # a second or so: a step holds its row no longer, so that it can be stopped
MAX_PERIOD = timedelta(days=366)


@transaction.atomic
def backtest(*, promotion: Promotion, start: datetime, end: datetime, at: datetime) -> Backtest:
    """Replay a promotion, as it is now, on its brand's paid carts from ``start`` to before ``end``.

    Its dates do not matter, and it is given without its code: what it would have cost if everyone had typed it. Its
    budget and its total limit are kept. Raises Invalid for a period that makes no sense, and Busy while another
    backtest of the brand is on its way.
    """
    if end <= start:
        raise InvalidRequest.field("end", "The end comes after the start.")
    if start >= at:
        raise InvalidRequest.field("start", "The period lies in the past.")
    if end - start > MAX_PERIOD:
        raise InvalidRequest.field("end", f"A period is {MAX_PERIOD.days} days at most.")
    made = Backtest(
        brand=promotion.brand,
        promotion=promotion,
        title=promotion.name,
        offer=_validate_period(promotion),
        currency=promotion.currency,
        budget=promotion.budget,
        limit_total=promotion.limit_total,
        start=start,
        end=min(end, at),
        results=replay_service.empty_totals(),
        created_at=at,
    )
    with translate_constraint("checkout_one_backtest_per_brand", Busy):
        made.save(force_insert=True)
    enqueue_on_commit("checkout.replay", backtest=str(made.pk))
    return made


def _validate_period(promotion: Promotion) -> dict[str, Any]:
    """The promotion's offer with its own priority, for its target audience."""
    target, offer = promotion.target_audience, dict(promotion.offer)
    audience = [{"kind": "audience", "any": [target]}] if target else []
    return offer | {"priority": promotion.priority, "conditions": [*offer.get("conditions", ()), *audience]}


@transaction.atomic
def cancel_backtest(*, pk: uuid.UUID, at: datetime) -> None:
    """Stop a backtest where it is; what it found so far stays. Stopping what is over changes nothing."""
    Backtest.objects.filter(pk=pk, state__in=UNFINISHED).update(state=BacktestState.CANCELED, finished_at=at)


@transaction.atomic
def replay(*, pk: uuid.UUID, at: datetime) -> None:
    """Replay the next carts and promise to go on, until there are none. What is over, or at work elsewhere, is left."""
    test = selectors.lock_backtest(pk=pk)
    if test is None or test.state not in UNFINISHED:
        return
    first = uuid.UUID(int=test.cursor.int + 1) if test.cursor else ids.min_uuid7_at(test.start)
    chunk = selectors.list_confirmed(brand_id=test.brand_id, start=first, end=ids.min_uuid7_at(test.end), limit=CHUNK)
    offer = parse_offer(test.offer)
    for redemption in chunk:
        _count(test, offer, redemption)
    test.cursor = chunk[-1].pk if chunk else test.cursor
    test.state = BacktestState.RUNNING
    if len(chunk) < CHUNK:
        test.state, test.finished_at = BacktestState.COMPLETED, at
    else:
        enqueue_on_commit("checkout.replay", backtest=str(test.pk))
    test.save()


def _count(test: Backtest, offer: Offer, redemption: Redemption) -> None:
    """Replay one cart into the backtest's totals."""
    test.carts_seen += 1
    try:
        quote = rules.load_record(redemption.cart, redemption.record, redemption.created_at, explain=False)
    except (KeyError, TypeError, ValueError):
        test.results["unreadable"] += 1
        return
    draft = _draft(test, offer, quote.request.cart.currency)
    if test.limit_total is not None and test.results["uses"] >= test.limit_total:
        found = replay_service.Replay(quote.request.cart.currency, False, 0, 0, quote.decision.total)
    else:
        found = replay_service.replay_cart(quote, draft, _facts(test.brand, offer, quote, redemption))
    day = redemption.created_at.astimezone(ZoneInfo(test.brand.timezone)).date()
    replay_service.add(test.results, found, day, currency=test.currency)
    test.results["drifted"] += found.without != redemption.total
    test.affected += found.affected


def _draft(test: Backtest, offer: Offer, currency: str) -> Candidate:
    """The promotion as it comes into play next: with what its budget has left, in carts of its currency."""
    left = test.budget
    if left is not None:
        left = left - test.results["spent"] if currency == test.currency else None
    name = str(test.promotion_id)
    return candidate(DraftPromotion(name, test.title, offer, budget=left), test.brand, MAX_CREATED_AT)


def _facts(brand: Brand, offer: Offer, quote: Quote, redemption: Redemption) -> Facts | None:
    """What the promotion asks of the shopper: as recorded, else the orders of then and the segments of today."""
    told = quote.facts.by_brand.get(brand.slug, Facts())
    segments, orders = told.segments, told.placed_orders
    if replay_service.list_segment_types(offer, "audience") and not replay_service.has_recorded_facts(
        quote, brand.slug, "audience"
    ):
        segments = segment_types(customer_key=redemption.customer_id, brand_ids=[brand.pk])[brand.pk]
    if replay_service.list_segment_types(offer, "nth_order") and not replay_service.has_recorded_facts(
        quote, brand.slug, "nth_order"
    ):
        orders = selectors.earlier_orders(redemption=redemption, brand_id=brand.pk)
    return Facts(segments, orders)
