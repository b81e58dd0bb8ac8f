"""Concurrent tasks append the events of dates and of budgets once."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from promotions.models import Promotion
from promotions.services import change_decision
from redemptions import decisions
from redemptions.events.models import Event
from redemptions.lifecycle import Action, OfferLifecycle
from redemptions.limits.models import Limit
from redemptions.uses.services import report_budgets
from tests.factories import BrandFactory, DiscountCodeFactory, PromotionFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
HOUR = timedelta(hours=1)


def create_scheduled(count: int, at: datetime) -> list[Promotion]:
    """Create promotions and discount codes that start in an hour and end in two."""
    brand = BrandFactory()
    fields = {"brand": brand, "start_date": at + HOUR, "end_date": at + 2 * HOUR, "reported_status": "scheduled"}
    DiscountCodeFactory.create_batch(count, **fields)
    return list(PromotionFactory.create_batch(count, **fields))


def count_events() -> Counter[tuple[Any, str]]:
    return Counter(Event.objects.values_list("offer_id", "type"))


def test_two_tasks_report_each_start_and_end_once(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "CHUNK", 3)
    promotions = create_scheduled(20, at)
    start, end = at + HOUR, at + 2 * HOUR

    def pause(promotion: Promotion) -> None:
        change_decision(promotion=promotion, action=Action.PAUSE, at=start)

    calls: list[Callable[[], Any]] = [lambda: decisions.report_due(at=start)] * 6
    calls += [partial(pause, promotion) for promotion in promotions[:10]]
    results = run_concurrently(lambda call: call(), calls)
    results += run_concurrently(lambda call: call(), [lambda: decisions.report_due(at=end)] * 6)
    decisions.report_due(at=end)

    assert not [result for result in results if isinstance(result, Exception)]
    assert set(count_events().values()) == {1}
    types = Counter(Event.objects.values_list("type", flat=True))
    assert types == {"offer.activated": 40, "offer.paused": 10, "offer.ended": 40}


def test_without_the_lock_a_start_is_reported_twice(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_scheduled(1, at)
    together = threading.Barrier(2, timeout=20)

    def read_due(model: type[OfferLifecycle], *, at: datetime) -> Any:
        due: QuerySet[Any] = LOCK_DUE(model, at=at).select_for_update(skip_locked=False).order_by("pk")
        due.query.select_for_update = False
        rows = list(due)
        if model is Promotion and rows:
            together.wait()
        return rows

    monkeypatch.setattr(decisions, "lock_due", read_due)
    run_concurrently(lambda call: call(), [lambda: decisions.report_due(at=at + HOUR)] * 2)

    assert max(count_events().values()) == 2


LOCK_DUE = decisions.lock_due


def use_budgets(count: int) -> None:
    for promotion in PromotionFactory.create_batch(count, budget=1_000, brand=BrandFactory()):
        Limit.objects.create(owner=promotion.pk, scope="budget:EUR", slot="", shard=0, taken=850, cap=1_000)


def test_two_tasks_report_each_threshold_once(run_concurrently: RunConcurrently, at: datetime) -> None:
    use_budgets(30)

    results = run_concurrently(lambda _: report_budgets(at=at), range(6))

    assert sum(results) == 60
    assert Counter(Event.objects.values_list("offer_id", "data__percent")).most_common(1)[0][1] == 1


def test_without_the_key_a_threshold_is_reported_twice(at: datetime) -> None:
    use_budgets(1)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE redemptions_budgetthreshold DROP CONSTRAINT redemptions_budgetthreshold_pkey")
    try:
        assert [report_budgets(at=at) for _ in range(2)] == [2, 2]
    finally:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE redemptions_budgetthreshold")
            cursor.execute(
                "ALTER TABLE redemptions_budgetthreshold ADD CONSTRAINT redemptions_budgetthreshold_pkey"
                " PRIMARY KEY (owner, scope, cap, percent)"
            )
