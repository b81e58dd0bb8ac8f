"""Backtests: a promotion replayed on carts that were paid, beside what ran then."""

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
from promotions.models import Promotion, PromotionRedemption
from segments.services import apply_audience
from tests.checkout.builders import REDEMPTIONS, line, order, post, reserved, verb
from tests.factories import BrandFactory, PromotionFactory

pytestmark = pytest.mark.django_db
Pay = Callable[..., dict[str, Any]]


@pytest.fixture
def pay(server: Client) -> Pay:
    """A cart is bought of billo's server and paid: ``pay("60.00", customer="c2")``."""
    count = iter(range(1_000_000))

    def run(price: str = "100.00", customer: str = "c1", client: Client = server, **changes: Any) -> dict[str, Any]:
        asked = {"codes": [], "lines": [line(unit_price=price)], "order": f"o{next(count)}"} | changes
        whose = {"customer_id": customer} if client is server else {}
        made = reserved(client, **(asked | whose))
        assert verb(client, made, "confirm").status_code == 200
        return made

    return run


def drafted(brand: Brand, percent: str = "10", **changes: Any) -> Promotion:
    """A draft of some per cent, that runs for nobody yet."""
    made: Promotion = PromotionFactory(brand=brand, percent=percent, status="draft", **changes)
    return made


def back(promotion: Promotion, run_outbox: Callable[[], int], **period: datetime) -> Backtest:
    """The backtest of a promotion over today's carts, once it is through."""
    at = timezone.now() + timedelta(seconds=1)
    whole = {"start": at - timedelta(days=1), "end": at} | period
    made = services.backtest(promotion=promotion, at=at, **whole)
    run_outbox()
    made.refresh_from_db()
    return made


# --- what it finds ---------------------------------------------------------------------------------------------------
def test_it_says_what_the_draft_would_have_cost_and_touched(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    for price in ("100.00", "40.00", "60.00"):
        pay(price)
    draft = drafted(billo, extra={"conditions": [{"kind": "min_subtotal", "value": "50"}]})

    found = back(draft, run_outbox)

    assert (found.state, found.carts_seen, found.affected) == ("done", 3, 2)
    assert found.results["currencies"] == {"EUR": {"cost": 1600, "extra": 1600}}
    today = timezone.now().date().isoformat()
    assert found.results["days"] == {today: {"seen": 3, "touched": 2, "extra": {"EUR": 1600}}}
    assert (found.results["overlap"], found.results["drifted"], found.results["unreadable"]) == ({}, 0, 0)


def test_what_ran_then_and_would_have_lost_is_the_overlap(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    ran = PromotionFactory(brand=billo, name="Ten off", percent="10", extra={"group": "g"})
    pay("100.00")
    Promotion.objects.filter(pk=ran.pk).update(status="ended", offer={"benefits": []})

    found = back(drafted(billo, "25", extra={"group": "g"}), run_outbox)

    assert found.results["currencies"] == {"EUR": {"cost": 2500, "extra": 1500}}
    assert found.results["overlap"] == {
        f"promotion:{ran.pk}": {"kind": "promotion", "title": "Ten off", "lost": 1, "changed": 0, "less": {"EUR": 1000}}
    }


def test_what_would_have_given_less_is_changed(pay: Pay, billo: Brand, run_outbox: Callable[[], int]) -> None:
    ran = PromotionFactory(brand=billo, percent="10", extra={"lane": 5})
    pay("100.00")

    found = back(drafted(billo, "50"), run_outbox)

    assert found.results["currencies"] == {"EUR": {"cost": 5000, "extra": 4500}}
    row = found.results["overlap"][f"promotion:{ran.pk}"]
    assert (row["lost"], row["changed"], row["less"]) == (0, 1, {"EUR": 500})


def test_a_running_promotion_takes_its_own_place(pay: Pay, billo: Brand, run_outbox: Callable[[], int]) -> None:
    ran = PromotionFactory(brand=billo, percent="10")
    pay("100.00")
    ran.offer = {"benefits": [{"kind": "percent", "value": 30, "on": "order"}]}
    ran.save()

    found = back(ran, run_outbox)

    assert found.results["currencies"] == {"EUR": {"cost": 3000, "extra": 2000}}
    assert found.results["overlap"] == {}


def test_currencies_are_not_added_to_one_another(pay: Pay, billo: Brand, run_outbox: Callable[[], int]) -> None:
    pay("100.00")
    pay("1000", currency="JPY")

    found = back(drafted(billo), run_outbox)

    assert found.results["currencies"] == {"EUR": {"cost": 1000, "extra": 1000}, "JPY": {"cost": 100, "extra": 100}}


def test_the_budget_and_the_total_limit_are_kept(pay: Pay, billo: Brand, run_outbox: Callable[[], int]) -> None:
    for _ in range(4):
        pay("100.00")
    pay("1000", currency="JPY")

    budgeted = back(drafted(billo, budget=2500), run_outbox)
    limited = back(drafted(billo, limit_total=3), run_outbox)

    assert budgeted.results["currencies"]["EUR"]["cost"] == 2000
    assert (limited.affected, limited.results["currencies"]["EUR"]["cost"]) == (3, 3000)


def test_a_target_audience_and_a_first_order_are_looked_at(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    apply_audience(brand=billo, segment_type="vip", operation="add", customer_ids=["c1"])
    pay(customer="c1")
    pay(customer="c1")
    pay(customer="c2")

    vips = back(drafted(billo, target_audience="vip"), run_outbox)
    first = back(drafted(billo, extra={"conditions": [{"kind": "nth_order", "value": 1}]}), run_outbox)

    assert (vips.affected, first.affected) == (2, 2)


def test_a_record_is_believed_before_what_is_so_today(pay: Pay, billo: Brand, run_outbox: Callable[[], int]) -> None:
    asking = {"conditions": [{"kind": "audience", "any": ["vip"]}]}
    apply_audience(brand=billo, segment_type="vip", operation="add", customer_ids=["c1"])
    PromotionFactory(brand=billo, percent="1", extra=asking)
    pay(customer="c1")
    apply_audience(brand=billo, segment_type="vip", operation="remove", customer_ids=["c1"])

    assert back(drafted(billo, extra=asking), run_outbox).affected == 1


def test_only_paid_carts_of_the_brand_and_the_period_are_replayed(
    pay: Pay, billo: Brand, server: Client, shopper: Client, brand_client: Callable[[Any], Client],
    run_outbox: Callable[[], int],
) -> None:  # fmt: skip
    cake = BrandFactory(slug="cake")
    pay()
    reserved(server, codes=[], order="unpaid", customer_id="c1")
    theirs = reserved(brand_client(cake), codes=[], customer_id="c1")
    verb(brand_client(cake), theirs, "confirm")
    pay(client=shopper)  # nobody's: it took no offer
    PromotionFactory(brand=billo, text="BILLO", trigger="code")
    PromotionFactory(brand=cake, text="CAKE", trigger="code")
    pay(client=shopper, codes=["BILLO"])
    pay(client=shopper, codes=["BILLO", "CAKE"])

    assert back(drafted(billo), run_outbox).carts_seen == 2  # the first, and the shopper's with billo's offer alone
    long_ago = {"start": datetime(2020, 1, 1, tzinfo=UTC), "end": datetime(2020, 2, 1, tzinfo=UTC)}
    assert back(drafted(billo), run_outbox, **long_ago).carts_seen == 0


def test_a_record_that_cannot_be_read_is_counted_and_passed_over(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    Redemption.objects.filter(pk=pay()["id"]).update(record={})
    pay()

    found = back(drafted(billo), run_outbox)

    assert (found.carts_seen, found.affected, found.results["unreadable"]) == (2, 1, 1)


# --- how it runs -----------------------------------------------------------------------------------------------------
def test_it_goes_in_steps_and_finds_the_same(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for price in ("10.01", "20.02", "30.03", "40.04", "50.05"):
        pay(price)
    draft = drafted(billo)
    whole = back(draft, run_outbox)

    monkeypatch.setattr(backtests, "CHUNK", 2)
    stepped = back(draft, run_outbox)

    assert stepped.results == whole.results
    assert (stepped.carts_seen, stepped.state) == (5, "done")


def test_a_step_delivered_twice_counts_once_more_only_what_is_left(
    pay: Pay, billo: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        pay()
    monkeypatch.setattr(backtests, "CHUNK", 2)
    at = timezone.now() + timedelta(seconds=1)
    made = services.backtest(promotion=drafted(billo), start=at - timedelta(days=1), end=at, at=at)

    steps = []
    for _ in range(5):
        services.replay(pk=made.pk, at=at)
        made.refresh_from_db()
        steps.append((made.state, made.carts_seen))

    assert steps == [("running", 2), ("running", 4), ("done", 5), ("done", 5), ("done", 5)]
    assert made.results["currencies"]["EUR"]["cost"] == 5000


def test_a_cancelled_backtest_stops_and_keeps_what_it_found(
    pay: Pay, billo: Brand, monkeypatch: pytest.MonkeyPatch, run_outbox: Callable[[], int]
) -> None:
    for _ in range(3):
        pay()
    monkeypatch.setattr(backtests, "CHUNK", 2)
    at = timezone.now() + timedelta(seconds=1)
    made = services.backtest(promotion=drafted(billo), start=at - timedelta(days=1), end=at, at=at)
    services.replay(pk=made.pk, at=at)

    services.cancel_backtest(pk=made.pk, at=at)
    services.cancel_backtest(pk=made.pk, at=at)
    run_outbox()

    made.refresh_from_db()
    assert (made.state, made.carts_seen, made.affected) == (BacktestState.CANCELED, 2, 2)


def test_nothing_of_the_promotion_or_the_carts_is_touched(
    pay: Pay, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    pay()
    draft = drafted(billo, limit_total=1, budget=5000)
    before = Redemption.objects.values().get(), Promotion.objects.values().get()

    back(draft, run_outbox)

    assert (Redemption.objects.values().get(), Promotion.objects.values().get()) == before
    assert not PromotionRedemption.objects.exists()


def test_a_step_asks_as_often_for_many_carts_as_for_one(pay: Pay, billo: Brand) -> None:
    def queries(carts: int) -> int:
        for _ in range(carts):
            pay()
        at = timezone.now() + timedelta(seconds=1)
        made = services.backtest(promotion=drafted(billo), start=at - timedelta(days=1), end=at, at=at)
        with CaptureQueriesContext(connection) as seen:
            services.replay(pk=made.pk, at=at)
        return len(seen)

    assert queries(1) == queries(6) <= 7


# --- what is refused -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("start", "end", "field"),
    [(-1, -1, "end"), (-1, -2, "end"), (1, 2, "start"), (-400, -1, "end")],
)
def test_a_period_that_makes_no_sense_is_refused(start: int, end: int, field: str, billo: Brand, at: datetime) -> None:
    period = {"start": at + timedelta(days=start), "end": at + timedelta(days=end)}

    with pytest.raises(InvalidRequest) as refusal:
        services.backtest(promotion=drafted(billo), at=at, **period)

    assert [fault["field"] for fault in refusal.value.errors or []] == [field]
    assert not Backtest.objects.exists()


def test_a_brand_has_one_backtest_on_its_way(billo: Brand, at: datetime) -> None:
    period = {"start": at - timedelta(days=1), "end": at}
    first = services.backtest(promotion=drafted(billo), at=at, **period)

    with pytest.raises(Busy):
        services.backtest(promotion=drafted(billo), at=at, **period)

    assert Backtest.objects.count() == OutboxMessage.objects.count() == 1
    services.backtest(promotion=drafted(BrandFactory()), at=at, **period)
    services.cancel_backtest(pk=first.pk, at=at)
    services.backtest(promotion=drafted(billo), at=at, **period)


def test_carts_are_still_taken_beside_a_backtest(server: Client, billo: Brand, at: datetime) -> None:
    services.backtest(promotion=drafted(billo), start=at - timedelta(days=1), end=at, at=at)

    assert post(server, REDEMPTIONS, order(codes=[], customer_id="c1")).status_code == 201
