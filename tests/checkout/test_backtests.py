"""Backtests: a promotion replayed on paid orders with the offers of that time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Brand
from checkout import services
from checkout.models import Backtest, BacktestState, Redemption
from checkout.services import backtests
from core.errors import Busy, InvalidRequest
from core.models import OutboxMessage
from promotions.models import Promotion
from redemptions.uses.models import OfferUse
from segments.services import apply_audience
from tests.checkout.builders import REDEMPTIONS, line, order, post, post_action, reserve_order
from tests.factories import BrandFactory, PromotionFactory

pytestmark = pytest.mark.django_db
Pay = Callable[..., dict[str, Any]]


@pytest.fixture
def pay(server: Client) -> Pay:
    """Function that places and pays an order with Billo's server: ``pay("60.00", customer="c2")``."""
    count = iter(range(1_000_000))

    def run(price: str = "100.00", customer: str = "c1", client: Client = server, **changes: Any) -> dict[str, Any]:
        request = {"codes": [], "lines": [line(unit_price=price)], "order": f"o{next(count)}"} | changes
        owner = {"customer_id": customer} if client is server else {}
        redemption = reserve_order(client, **(request | owner))
        assert post_action(client, redemption, "confirm").status_code == 200
        return redemption

    return run


def create_draft(brand: Brand, percent: str = "10", **changes: Any) -> Promotion:
    """Create a draft of a percentage discount."""
    promotion: Promotion = PromotionFactory(brand=brand, percent=percent, decision="draft", **changes)
    return promotion


def run_backtest(promotion: Promotion, run_outbox: Callable[[], int], **period: datetime) -> Backtest:
    """Run the backtest of a promotion over today's orders and return it when it has finished."""
    at = timezone.now() + timedelta(seconds=1)
    period = {"start": at - timedelta(days=1), "end": at} | period
    backtest = services.create_backtest(promotion=promotion, at=at, **period)
    run_outbox()
    backtest.refresh_from_db()
    return backtest


# --- results ---------------------------------------------------------------------------------------------------------
def test_a_backtest_reports_the_cost_and_the_affected_orders(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    for price in ("100.00", "40.00", "60.00"):
        pay(price)
    draft = create_draft(billo, extra={"conditions": [{"kind": "min_subtotal", "value": "50"}]})

    backtest = run_backtest(draft, run_outbox)

    assert (backtest.state, backtest.carts_seen, backtest.affected) == ("done", 3, 2)
    assert backtest.results["currencies"] == {"EUR": {"cost": 1600, "extra": 1600}}
    today = timezone.now().date().isoformat()
    assert backtest.results["days"] == {today: {"orders": 3, "affected": 2, "extra": {"EUR": 1600}}}
    assert (backtest.results["overlap"], backtest.results["drifted"], backtest.results["unreadable"]) == ({}, 0, 0)


def test_offers_that_lose_to_the_draft_are_listed_as_overlap(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    active = PromotionFactory(brand=billo, name="Ten off", percent="10", extra={"group": "g"})
    pay("100.00")
    Promotion.objects.filter(pk=active.pk).update(decision="ended", offer={"benefits": []})

    backtest = run_backtest(create_draft(billo, "25", extra={"group": "g"}), run_outbox)

    assert backtest.results["currencies"] == {"EUR": {"cost": 2500, "extra": 1500}}
    assert backtest.results["overlap"] == {
        f"promotion:{active.pk}": {
            "kind": "promotion",
            "name": "Ten off",
            "lost": 1,
            "changed": 0,
            "less": {"EUR": 1000},
        }
    }


def test_offers_with_a_smaller_discount_are_listed_as_changed(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    active = PromotionFactory(brand=billo, percent="10", extra={"lane": 5})
    pay("100.00")

    backtest = run_backtest(create_draft(billo, "50"), run_outbox)

    assert backtest.results["currencies"] == {"EUR": {"cost": 5000, "extra": 4500}}
    row = backtest.results["overlap"][f"promotion:{active.pk}"]
    assert (row["lost"], row["changed"], row["less"]) == (0, 1, {"EUR": 500})


def test_an_active_promotion_replaces_itself(pay: Pay, billo: Brand, run_outbox: Callable[[], int]) -> None:
    active = PromotionFactory(brand=billo, percent="10")
    pay("100.00")
    active.offer = {"benefits": [{"kind": "percent", "value": 30, "on": "order"}]}
    active.save()

    backtest = run_backtest(active, run_outbox)

    assert backtest.results["currencies"] == {"EUR": {"cost": 3000, "extra": 2000}}
    assert backtest.results["overlap"] == {}


def test_currencies_are_kept_apart(pay: Pay, billo: Brand, run_outbox: Callable[[], int]) -> None:
    pay("100.00")
    pay("1000", currency="JPY")

    backtest = run_backtest(create_draft(billo), run_outbox)

    assert backtest.results["currencies"] == {"EUR": {"cost": 1000, "extra": 1000}, "JPY": {"cost": 100, "extra": 100}}


def test_the_budget_and_the_total_limit_apply(pay: Pay, billo: Brand, run_outbox: Callable[[], int]) -> None:
    for _ in range(4):
        pay("100.00")
    pay("1000", currency="JPY")

    budgeted = run_backtest(create_draft(billo, budget=2500), run_outbox)
    limited = run_backtest(create_draft(billo, limit_total=3), run_outbox)

    assert budgeted.results["currencies"]["EUR"]["cost"] == 2000
    assert (limited.affected, limited.results["currencies"]["EUR"]["cost"]) == (3, 3000)


def test_a_customer_gets_no_more_than_the_maximum_per_customer(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    for price, customer in [("100.00", "c1"), ("100.00", "c1"), ("100.00", "c2"), ("50.00", "c1")]:
        pay(price, customer=customer)

    backtest = run_backtest(create_draft(billo, max_per_customer={"EUR": 1500}), run_outbox)

    assert backtest.results["currencies"] == {"EUR": {"cost": 2500, "extra": 2500}}
    assert not backtest.customers.exists()


def test_orders_after_the_limit_of_units_are_not_affected(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    for quantity in (2, 2, 1, 1):
        pay(lines=[line(quantity=quantity, unit_price="10.00")])

    backtest = run_backtest(create_draft(billo, limit_units=3), run_outbox)

    assert (backtest.results["units"], backtest.affected) == (3, 2)
    assert backtest.results["currencies"] == {"EUR": {"cost": 300, "extra": 300}}


def test_discounts_are_reduced_to_the_maximum_per_order(pay: Pay, billo: Brand, run_outbox: Callable[[], int]) -> None:
    pay("100.00")
    pay("50.00")
    pay("1000", currency="JPY")

    backtest = run_backtest(create_draft(billo, max_per_order={"EUR": 700}), run_outbox)

    assert backtest.results["currencies"] == {
        "EUR": {"cost": 1200, "extra": 1200},
        "JPY": {"cost": 0, "extra": 0},
    }


def test_the_target_audience_and_the_order_number_are_checked(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    apply_audience(brand=billo, segment_type="vip", operation="add", customer_ids=["c1"])
    pay(customer="c1")
    pay(customer="c1")
    pay(customer="c2")

    vips = run_backtest(create_draft(billo, target_audience="vip"), run_outbox)
    first = run_backtest(create_draft(billo, extra={"conditions": [{"kind": "nth_order", "value": 1}]}), run_outbox)

    assert (vips.affected, first.affected) == (2, 2)


def test_recorded_facts_take_precedence_over_present_facts(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    for_vips = {"conditions": [{"kind": "audience", "any": ["vip"]}]}
    apply_audience(brand=billo, segment_type="vip", operation="add", customer_ids=["c1"])
    PromotionFactory(brand=billo, percent="1", extra=for_vips)
    pay(customer="c1")
    apply_audience(brand=billo, segment_type="vip", operation="remove", customer_ids=["c1"])

    assert run_backtest(create_draft(billo, extra=for_vips), run_outbox).affected == 1


def test_only_paid_orders_of_the_brand_and_the_period_are_replayed(
    pay: Pay, billo: Brand, server: Client, shopper: Client, brand_client: Callable[[Any], Client],
    run_outbox: Callable[[], int],
) -> None:  # fmt: skip
    cake = BrandFactory(slug="cake")
    pay()
    reserve_order(server, codes=[], order="unpaid", customer_id="c1")
    foreign = reserve_order(brand_client(cake), codes=[], customer_id="c1")
    post_action(brand_client(cake), foreign, "confirm")
    pay(client=shopper)  # belongs to no brand: it uses no offer
    PromotionFactory(brand=billo, text="BILLO", trigger="code")
    PromotionFactory(brand=cake, text="CAKE", trigger="code")
    pay(client=shopper, codes=["BILLO"])
    pay(client=shopper, codes=["BILLO", "CAKE"])

    assert (
        run_backtest(create_draft(billo), run_outbox).carts_seen == 2
    )  # the first one, and the shopper's with only Billo's offer
    long_ago = {"start": datetime(2020, 1, 1, tzinfo=UTC), "end": datetime(2020, 2, 1, tzinfo=UTC)}
    assert run_backtest(create_draft(billo), run_outbox, **long_ago).carts_seen == 0


def test_orders_with_an_unreadable_record_are_counted_and_skipped(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    Redemption.objects.filter(pk=pay()["id"]).update(record={})
    pay()

    backtest = run_backtest(create_draft(billo), run_outbox)

    assert (backtest.carts_seen, backtest.affected, backtest.results["unreadable"]) == (2, 1, 1)


# --- steps -----------------------------------------------------------------------------------------------------------
def test_several_steps_have_the_same_result_as_one(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for price in ("10.01", "20.02", "30.03", "40.04", "50.05"):
        pay(price)
    draft = create_draft(billo)
    complete = run_backtest(draft, run_outbox)

    monkeypatch.setattr(backtests, "CHUNK", 2)
    stepped = run_backtest(draft, run_outbox)

    assert stepped.results == complete.results
    assert (stepped.carts_seen, stepped.state) == (5, "done")


def test_a_step_delivered_twice_counts_no_order_twice(pay: Pay, billo: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        pay()
    monkeypatch.setattr(backtests, "CHUNK", 2)
    at = timezone.now() + timedelta(seconds=1)
    backtest = services.create_backtest(promotion=create_draft(billo), start=at - timedelta(days=1), end=at, at=at)

    steps = []
    for _ in range(5):
        services.run_backtest(pk=backtest.pk, at=at)
        backtest.refresh_from_db()
        steps.append((backtest.state, backtest.carts_seen))

    assert steps == [("running", 2), ("running", 4), ("done", 5), ("done", 5), ("done", 5)]
    assert backtest.results["currencies"]["EUR"]["cost"] == 5000


def test_a_canceled_backtest_stops_and_keeps_its_results(
    pay: Pay, billo: Brand, monkeypatch: pytest.MonkeyPatch, run_outbox: Callable[[], int]
) -> None:
    for _ in range(3):
        pay()
    monkeypatch.setattr(backtests, "CHUNK", 2)
    at = timezone.now() + timedelta(seconds=1)
    backtest = services.create_backtest(promotion=create_draft(billo), start=at - timedelta(days=1), end=at, at=at)
    services.run_backtest(pk=backtest.pk, at=at)

    services.cancel_backtest(pk=backtest.pk, at=at)
    services.cancel_backtest(pk=backtest.pk, at=at)
    run_outbox()

    backtest.refresh_from_db()
    assert (backtest.state, backtest.carts_seen, backtest.affected) == (BacktestState.CANCELED, 2, 2)


def test_a_backtest_changes_neither_promotions_nor_redemptions(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    pay()
    draft = create_draft(billo, limit_total=1, budget=5000)
    before = Redemption.objects.values().get(), Promotion.objects.values().get()

    run_backtest(draft, run_outbox)

    assert (Redemption.objects.values().get(), Promotion.objects.values().get()) == before
    assert not OfferUse.objects.exists()


def test_the_number_of_queries_of_a_step_is_independent_of_the_orders(pay: Pay, billo: Brand) -> None:
    def count_queries(carts: int) -> int:
        for _ in range(carts):
            pay()
        at = timezone.now() + timedelta(seconds=1)
        backtest = services.create_backtest(promotion=create_draft(billo), start=at - timedelta(days=1), end=at, at=at)
        with CaptureQueriesContext(connection) as queries:
            services.run_backtest(pk=backtest.pk, at=at)
        return len(queries)

    assert count_queries(1) == count_queries(6) <= 7


def test_a_backtest_of_the_previous_release_continues(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    active = PromotionFactory(brand=billo, name="Ten off", percent="10", extra={"group": "g"})
    for _ in range(3):
        pay()
    draft = create_draft(billo, "25", extra={"group": "g"})
    complete = run_backtest(draft, run_outbox)
    monkeypatch.setattr(backtests, "CHUNK", 2)
    at = timezone.now() + timedelta(seconds=1)
    backtest = services.create_backtest(promotion=draft, start=at - timedelta(days=1), end=at, at=at)
    services.run_backtest(pk=backtest.pk, at=at)
    day = timezone.now().date().isoformat()
    previous = {
        "currencies": {"EUR": {"cost": 5000, "extra": 3000}}, "uses": 2, "spent": 5000, "drifted": 0, "unreadable": 0,
        "overlap": {
            f"promotion:{active.pk}": {
                "kind": "promotion", "title": "Ten off", "lost": 2, "changed": 0, "less": {"EUR": 2000},
            }
        },
        "days": {day: {"seen": 2, "touched": 2, "extra": {"EUR": 3000}}},
    }  # fmt: skip
    Backtest.objects.filter(pk=backtest.pk).update(results=previous)

    services.run_backtest(pk=backtest.pk, at=at)

    backtest.refresh_from_db()
    assert backtest.state == "done"
    assert backtest.results == complete.results | {"units": 1}  # that release didn't count them


# --- errors ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("start", "end", "field"),
    [(-1, -1, "end"), (-1, -2, "end"), (1, 2, "start"), (-400, -1, "end")],
)
def test_an_invalid_period_is_rejected(start: int, end: int, field: str, billo: Brand, at: datetime) -> None:
    period = {"start": at + timedelta(days=start), "end": at + timedelta(days=end)}

    with pytest.raises(InvalidRequest) as raised:
        services.create_backtest(promotion=create_draft(billo), at=at, **period)

    assert [error["field"] for error in raised.value.errors or []] == [field]
    assert not Backtest.objects.exists()


def test_a_brand_has_at_most_one_unfinished_backtest(billo: Brand, at: datetime) -> None:
    period = {"start": at - timedelta(days=1), "end": at}
    first = services.create_backtest(promotion=create_draft(billo), at=at, **period)

    with pytest.raises(Busy):
        services.create_backtest(promotion=create_draft(billo), at=at, **period)

    assert Backtest.objects.count() == OutboxMessage.objects.count() == 1
    services.create_backtest(promotion=create_draft(BrandFactory()), at=at, **period)
    services.cancel_backtest(pk=first.pk, at=at)
    services.create_backtest(promotion=create_draft(billo), at=at, **period)


def test_a_backtest_does_not_block_redemptions(server: Client, billo: Brand, at: datetime) -> None:
    services.create_backtest(promotion=create_draft(billo), start=at - timedelta(days=1), end=at, at=at)

    assert post(server, REDEMPTIONS, order(codes=[], customer_id="c1")).status_code == 201
