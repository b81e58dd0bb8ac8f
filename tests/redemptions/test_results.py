"""Results: what counts where, before and after the roll-up, compared with a plain count of the events."""

import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from accounts.models import Brand
from core.errors import InvalidRequest
from core.periods import Interval
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.models import Event, EventReader
from redemptions.events.services import append_events
from redemptions.results import selectors
from redemptions.results.contracts import Amounts, Grouping, ReportPeriod, ResultFilter, Results
from redemptions.results.models import COUNTS, OfferTotal, ResultBucket
from redemptions.results.services import reports, rollup
from tests.factories import BrandFactory, PromotionFactory, ShopperFactory
from tests.redemptions.events import wait_for_horizon

UTC_ZONE = ZoneInfo("UTC")
NOON = datetime(2027, 3, 17, 12, tzinfo=UTC)
DAY = ReportPeriod(Interval.DAY, UTC_ZONE, datetime(2027, 3, 17, tzinfo=UTC), datetime(2027, 3, 18, tzinfo=UTC))
E = EventType


@pytest.fixture
def brand(db: None) -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


def event(brand: Brand, type_: EventType, at: datetime = NOON, **fields: Any) -> NewEvent:
    """Return an event of a promotion's use in euros."""
    members: dict[str, Any] = {"kind": "promotion", "currency": "EUR", "redemption": uuid.uuid4()}
    return NewEvent(type_, at, brand.pk, **members | fields)


def report(brand: Brand, by: Grouping | None = None, period: ReportPeriod = DAY, **wanted: Any) -> reports.ResultReport:
    """Return the results of a brand."""
    return reports.build_report(
        wanted=ResultFilter(brands=(brand.pk,), **wanted), period=period, by=by, is_compared=False
    )


def roll_up() -> None:
    """Add all committed events to the sums."""
    wait_for_horizon()
    rollup.roll_up()


# --- what counts ------------------------------------------------------------------------------------------------------
def test_an_order_with_two_offers_counts_once_for_the_brand_and_once_for_each_offer(brand: Brand) -> None:
    order, one, two, coupon = (uuid.uuid4() for _ in range(4))
    common: dict[str, Any] = {"redemption": order, "subtotal": 10_000}
    append_events(
        [
            event(brand, E.REDEMPTION_CONFIRMED, offer=one, amount=1_000, **common),
            event(brand, E.REDEMPTION_CONFIRMED, offer=two, amount=500, **common),
            event(brand, E.REDEMPTION_CONFIRMED, offer=coupon, amount=200, kind="coupon", **common),
        ]
    )

    whole = report(brand).whole.total
    assert (whole.confirmed, whole.orders) == (3, 1)
    assert whole.amounts == {"EUR": Amounts(10_000, 1_700, 0)}
    assert whole.amounts["EUR"].net == 8_300
    kinds = {group.kind: group.total for group in report(brand, Grouping.KIND).groups}
    assert {kind: (total.confirmed, total.orders) for kind, total in kinds.items()} == {
        "promotion": (2, 1), "coupon": (1, 1),
    }  # fmt: skip
    assert kinds["promotion"].amounts == {"EUR": Amounts(10_000, 1_500, 0)}
    offers = {group.offer: group.total for group in report(brand, Grouping.OFFER).groups}
    assert {offer: total.amounts["EUR"] for offer, total in offers.items()} == {
        one: Amounts(10_000, 1_000), two: Amounts(10_000, 500), coupon: Amounts(10_000, 200),
    }  # fmt: skip
    assert report(brand, offer=two).whole.total.amounts == {"EUR": Amounts(10_000, 500)}
    assert report(brand, kind="coupon").whole.total.amounts == {"EUR": Amounts(10_000, 200)}


def test_the_same_offer_used_twice_in_an_order_counts_the_order_once(brand: Brand) -> None:
    common: dict[str, Any] = {"offer": uuid.uuid4(), "redemption": uuid.uuid4(), "subtotal": 5_000, "amount": 100}
    append_events([event(brand, E.REDEMPTION_CONFIRMED, code=code, **common) for code in ("ONE", "TWO")])

    [group] = report(brand, Grouping.OFFER).groups

    assert (group.total.confirmed, group.total.orders) == (2, 1)
    assert group.total.amounts == {"EUR": Amounts(5_000, 200)}


def test_codes_of_an_offer_and_its_customers_are_counted_from_its_events(brand: Brand) -> None:
    offer, order, later = uuid.uuid4(), uuid.uuid4(), NOON + timedelta(hours=3)
    ann, ben = (ShopperFactory(username=name).customer.pk for name in ("ann", "ben"))
    of: dict[str, Any] = {"offer": offer, "amount": 100, "subtotal": 1_000}
    append_events(
        [
            event(brand, E.REDEMPTION_CONFIRMED, code="ONE", customer=ann, redemption=order, **of),
            event(brand, E.REDEMPTION_CONFIRMED, code="TWO", customer=ann, redemption=order, **of),
            event(brand, E.REDEMPTION_CONFIRMED, later, code="ONE", customer=ben, **of),
            event(brand, E.REDEMPTION_RETURNED, later, code="ONE", customer=ben, offer=offer, amount=40),
            event(brand, E.REDEMPTION_RESERVED, code="TWO", customer=ben, offer=offer),
            event(brand, E.REDEMPTION_REJECTED, code="TWO", offer=offer, reason={"code": "code_already_used"}),
            event(brand, E.REDEMPTION_CONFIRMED, code="ONE", customer=ben, offer=uuid.uuid4(), amount=7),
        ]
    )
    hours = ReportPeriod(Interval.HOUR, UTC_ZONE, NOON, NOON + timedelta(hours=4))

    found = report(brand, Grouping.CODE, hours, offer=offer)

    one, two = found.groups
    assert [(group.code, group.total.orders, group.total.amounts) for group in (one, two)] == [
        ("ONE", 2, {"EUR": Amounts(2_000, 200, 40)}), ("TWO", 1, {"EUR": Amounts(1_000, 100, 0)}),
    ]  # fmt: skip
    assert (two.total.reserved, two.total.rejections) == (1, {"code_already_used": 1})
    assert [one.total.customers, *(results.customers for results in one.periods)] == [2, 1, 0, 0, 1]
    assert [two.total.customers, *(results.customers for results in two.periods)] == [1, 1, 0, 0, 0]
    whole = found.whole
    assert [whole.total.customers, *(results.customers for results in whole.periods)] == [2, 1, 0, 0, 1]
    assert (whole.total.orders, whole.total.amounts) == (2, {"EUR": Amounts(2_000, 300, 40)})
    assert report(brand).whole.total.customers is None


def test_a_return_counts_in_the_period_of_its_confirmation(brand: Brand) -> None:
    offer, later = uuid.uuid4(), NOON + timedelta(days=40)
    data = {"confirmed_at": NOON.isoformat()}
    append_events(
        [
            event(brand, E.REDEMPTION_CONFIRMED, offer=offer, amount=900, subtotal=9_000),
            event(brand, E.REDEMPTION_PARTIALLY_RETURNED, later, offer=offer, amount=300, subtotal=9_000, data=data),
            event(brand, E.REDEMPTION_RETURNED, later, offer=offer, amount=600, subtotal=9_000, data=data),
        ]
    )

    total = report(brand).whole.total

    assert (total.confirmed, total.returned, total.orders) == (1, 1, 1)
    assert total.amounts == {"EUR": Amounts(9_000, 900, 900)}
    month = ReportPeriod(Interval.MONTH, UTC_ZONE, datetime(2027, 4, 1, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC))
    assert report(brand, period=month).whole.total == Results()


def test_an_expired_reservation_counts_when_it_expired(brand: Brand) -> None:
    data = {"effective_at": (NOON + timedelta(hours=1)).isoformat()}
    append_events([event(brand, E.REDEMPTION_EXPIRED, NOON + timedelta(days=3), offer=uuid.uuid4(), data=data)])

    assert report(brand).whole.total.expired == 1


def test_rejections_count_by_reason_with_the_attempts_that_were_counted_together(brand: Brand) -> None:
    offer, other = uuid.uuid4(), uuid.uuid4()
    full, used = {"code": "usage_limit_reached"}, {"code": "code_already_used"}
    append_events(
        [
            event(brand, E.REDEMPTION_REJECTED, offer=offer, reason=full),
            event(brand, E.REDEMPTION_REJECTED, offer=offer, reason=full, data={"count": 70}),
            event(brand, E.REDEMPTION_REJECTED, offer=other, reason=used, kind="coupon"),
            event(brand, E.REDEMPTION_REJECTED, offer=None, reason=used, kind="coupon"),
        ]
    )

    whole = report(brand).whole.total
    assert whole.rejections == {"usage_limit_reached": 71, "code_already_used": 2}
    assert whole.rejected == 73
    assert report(brand, offer=offer).whole.total.rejections == {"usage_limit_reached": 71}
    assert report(brand, kind="coupon").whole.total.rejections == {"code_already_used": 2}


def test_currencies_are_never_added_up(brand: Brand) -> None:
    offer = uuid.uuid4()
    append_events(
        [
            event(brand, E.REDEMPTION_CONFIRMED, offer=offer, amount=100, subtotal=1_000),
            event(brand, E.REDEMPTION_CONFIRMED, offer=offer, amount=7, subtotal=70, currency="JPY"),
        ]
    )

    total = report(brand).whole.total

    assert total.confirmed == 2
    assert total.amounts == {"EUR": Amounts(1_000, 100), "JPY": Amounts(70, 7)}


def test_another_brand_is_never_counted(brand: Brand) -> None:
    stranger = BrandFactory()
    append_events([event(stranger, E.REDEMPTION_CONFIRMED, offer=uuid.uuid4(), amount=1)])

    assert report(brand).whole.total == Results()


def test_periods_follow_the_clocks_of_the_time_zone(brand: Brand) -> None:
    offer, zone = uuid.uuid4(), ZoneInfo("Asia/Kathmandu")  # UTC+5:45
    midnight = datetime(2027, 3, 17, 18, 15, tzinfo=UTC)
    append_events(
        [
            event(brand, E.REDEMPTION_CONFIRMED, midnight - timedelta(seconds=1), offer=offer, amount=1),
            event(brand, E.REDEMPTION_CONFIRMED, midnight, offer=offer, amount=1),
            event(brand, E.REDEMPTION_CONFIRMED, midnight, offer=offer, amount=1),
        ]
    )

    period = ReportPeriod(Interval.DAY, zone, midnight - timedelta(days=1), midnight + timedelta(days=1))

    assert [results.confirmed for results in report(brand, period=period).whole.periods] == [1, 2]


def test_a_cut_quarter_of_an_hour_counts_whole(brand: Brand) -> None:
    append_events([event(brand, E.REDEMPTION_CONFIRMED, NOON, offer=uuid.uuid4(), amount=1)])
    period = ReportPeriod(Interval.HOUR, UTC_ZONE, NOON + timedelta(minutes=7), NOON + timedelta(minutes=8))

    found = report(brand, period=period)

    assert (found.period.start, found.period.end) == (NOON, NOON + timedelta(minutes=15))
    assert found.whole.total.confirmed == 1


def test_wrong_and_too_many_periods_are_refused(brand: Brand) -> None:
    for start, end, field in (
        (NOON, NOON - timedelta(hours=1), "to"),
        (datetime(1990, 1, 1, tzinfo=UTC), NOON, "from"),
        (NOON - timedelta(days=2_000), NOON, "unit"),
    ):
        with pytest.raises(InvalidRequest) as error:
            report(brand, period=ReportPeriod(Interval.HOUR, UTC_ZONE, start, end))
        assert [item["field"] for item in error.value.errors or []] == [field]


def test_groups_have_the_names_of_offers_and_the_largest_first(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = PromotionFactory(brand=brand, name="Small"), PromotionFactory(brand=brand, name="Large")
    append_events(
        event(brand, E.REDEMPTION_CONFIRMED, offer=promotion.pk, amount=1)
        for promotion, uses in ((small, 1), (large, 3))
        for _ in range(uses)
    )

    found = report(brand, Grouping.OFFER)
    assert [(group.name, group.total.confirmed) for group in found.groups] == [("Large", 3), ("Small", 1)]

    monkeypatch.setattr(reports, "MAX_GROUPS", 1)
    found = report(brand, Grouping.OFFER)
    assert ([group.name for group in found.groups], found.group_count) == (["Large"], 2)


@pytest.mark.parametrize(
    ("start", "end", "previous"),
    [
        ((2027, 3, 8), (2027, 3, 15), (2027, 3, 1)),
        ((2027, 3, 1), (2027, 4, 1), (2027, 2, 1)),  # a month of 31 days with one of 28
        ((2027, 1, 1), (2028, 1, 1), (2026, 1, 1)),
        ((2027, 3, 28), (2027, 3, 29), (2027, 3, 27)),  # 23 hours with 24
    ],
)
def test_a_period_is_compared_with_the_one_right_before_by_local_time(
    brand: Brand, start: tuple[int, int, int], end: tuple[int, int, int], previous: tuple[int, int, int]
) -> None:
    zone = ZoneInfo("Europe/Madrid")
    first, until, before = (datetime(*day, tzinfo=zone).astimezone(UTC) for day in (start, end, previous))
    append_events(
        [
            event(brand, E.REDEMPTION_CONFIRMED, before, offer=uuid.uuid4(), amount=1),
            event(brand, E.REDEMPTION_CONFIRMED, before - timedelta(seconds=1), offer=uuid.uuid4(), amount=1),
        ]
    )

    found = reports.build_report(
        wanted=ResultFilter((brand.pk,)), period=ReportPeriod(Interval.DAY, zone, first, until), by=None,
        is_compared=True,
    )  # fmt: skip

    assert found.compared is not None
    assert (found.compared.start, found.compared.end) == (before, first)
    assert found.whole.previous is not None
    assert (found.whole.total.confirmed, found.whole.previous.confirmed) == (0, 1)


# --- the roll-up ------------------------------------------------------------------------------------------------------
def write_random(brands: Sequence[Brand], seed: int, count: int = 60) -> None:
    """Append random events in random transactions of their own."""
    chance = random.Random(seed)
    offers = [
        (brand, kind, uuid.UUID(int=chance.getrandbits(128))) for brand in brands for kind in ("coupon", "voucher")
    ]
    for _ in range(count):
        order = uuid.UUID(int=chance.getrandbits(128))
        subtotal, at = chance.randint(0, 9_999), NOON + timedelta(minutes=chance.randint(0, 600))
        type_ = chance.choice(
            [E.REDEMPTION_RESERVED, E.REDEMPTION_CONFIRMED, E.REDEMPTION_CONFIRMED, E.REDEMPTION_RELEASED,
             E.REDEMPTION_EXPIRED, E.REDEMPTION_RETURNED, E.REDEMPTION_PARTIALLY_RETURNED, E.REDEMPTION_REJECTED,
             E.CODE_ASSIGNED]
        )  # fmt: skip
        data = {"confirmed_at": (at - timedelta(minutes=chance.randint(0, 99))).isoformat()}
        append_events(
            event(
                brand, type_, at, kind=kind, offer=offer, redemption=order, subtotal=subtotal,
                amount=chance.choice([None, chance.randint(0, 500)]), currency=chance.choice(["EUR", "JPY", ""]),
                data=data if type_ in (E.REDEMPTION_RETURNED, E.REDEMPTION_PARTIALLY_RETURNED) else {},
                reason={"code": chance.choice(["a", "b"])} if type_ is E.REDEMPTION_REJECTED else None,
            )
            for brand, kind, offer in chance.sample(offers, chance.randint(1, len(offers)))
        )  # fmt: skip


def count_plainly(brand: Brand, **wanted: Any) -> Results:
    """Return the results of the day, counted from the events one by one."""
    total = Results()
    orders: set[uuid.UUID | None] = set()
    for row in Event.objects.filter(brand=brand, **wanted):
        at = row.created_at
        if row.type in (E.REDEMPTION_RETURNED, E.REDEMPTION_PARTIALLY_RETURNED):
            at = datetime.fromisoformat(row.data["confirmed_at"])
        if not DAY.start <= at < DAY.end:
            continue
        name = row.type.partition(".")[2]
        if row.type == E.REDEMPTION_REJECTED:
            code = (row.reason or {})["code"]
            total.rejections[code] = total.rejections.get(code, 0) + 1
        elif row.type.startswith("redemption.") and name != "partially_returned":
            setattr(total, name, getattr(total, name) + 1)
        if name in ("confirmed", "returned", "partially_returned"):
            amounts = total.amounts.setdefault(row.currency, Amounts())
            if name != "confirmed":
                amounts.returned_discount += row.amount or 0
                continue
            amounts.discount += row.amount or 0
            if row.redemption_id not in orders:
                orders.add(row.redemption_id)
                total.orders += 1
                amounts.gross += row.subtotal or 0
    total.amounts = {name: sums for name, sums in total.amounts.items() if name and sums != Amounts()}
    return total


def without_zeros(results: Results) -> Results:
    """Return results without currencies that have no amounts, which both ways of counting may have."""
    results.amounts = {name: sums for name, sums in results.amounts.items() if sums != Amounts()}
    return results


def assert_counts(brand: Brand) -> None:
    """Check the results of the brand, its kinds and its offers against a plain count."""
    found = report(brand, Grouping.OFFER)
    assert without_zeros(found.whole.total) == count_plainly(brand)
    for group in report(brand, Grouping.KIND).groups:
        assert without_zeros(group.total) == count_plainly(brand, kind=group.kind)
    for group in found.groups:
        assert without_zeros(group.total) == count_plainly(brand, offer_id=group.offer)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(3))
def test_results_are_the_same_before_during_and_after_the_roll_up(seed: int) -> None:
    brands = [BrandFactory(), BrandFactory()]
    write_random(brands, seed)
    first, second = brands

    assert_counts(first)
    totals = read_totals(brands)
    wait_for_horizon()
    start = Event.objects.order_by("tx").values_list("tx", flat=True)[0]
    EventReader.objects.create(name=rollup.READER, tx=start)
    rollup.roll_up_some(transactions=37)
    assert ResultBucket.objects.exists()
    for brand in brands:
        assert_counts(brand)
    roll_up()
    for brand in brands:
        assert_counts(brand)
    assert read_totals(brands) == totals
    assert list(rollup.check(at=NOON, repair=False)) == []
    assert second.pk != first.pk


def read_totals(brands: Sequence[Brand]) -> dict[uuid.UUID, Results]:
    """Return the totals of all offers that have events."""
    offers = {offer for offer in Event.objects.values_list("offer_id", flat=True) if offer is not None}
    return selectors.read_totals(offers=offers, brands=[brand.pk for brand in brands])


@pytest.mark.django_db(transaction=True)
def test_a_repeated_roll_up_adds_nothing() -> None:
    brand = BrandFactory()
    append_events([event(brand, E.REDEMPTION_CONFIRMED, offer=uuid.uuid4(), amount=5, subtotal=50)])
    roll_up()
    before = list(ResultBucket.objects.values_list())

    assert rollup.roll_up() == 0
    assert list(ResultBucket.objects.values_list()) == before
    assert len(before) == 3  # the offer, its kind and the brand


@pytest.mark.django_db(transaction=True)
def test_a_wrong_sum_is_found_and_repaired() -> None:
    brand = BrandFactory()
    offer, other = uuid.uuid4(), uuid.uuid4()
    append_events([event(brand, E.REDEMPTION_CONFIRMED, offer=offer, amount=5, subtotal=50)])
    roll_up()
    assert rollup.check_sample(at=NOON) == 0
    ResultBucket.objects.filter(offer_id=offer).update(confirmed=4)
    OfferTotal.objects.filter(offer_id=offer).update(confirmed=4)
    ResultBucket.objects.filter(kind="", brand_id=brand.pk).delete()
    ResultBucket.objects.create(
        brand_id=brand.pk, kind="promotion", offer_id=other, starts_at=NOON,
        **dict.fromkeys(COUNTS, 0),
    )  # fmt: skip

    lines = list(rollup.check(at=NOON, repair=True))

    assert len(lines) == 3
    assert all(line.endswith(": repaired") for line in lines)
    assert list(rollup.check(at=NOON, repair=False)) == []
    assert OfferTotal.objects.get(offer_id=offer).confirmed == 1
    assert rollup.check_sample(at=NOON) == 0


@pytest.mark.django_db(transaction=True)
def test_a_repair_is_not_needed_for_months_whose_events_were_dropped(settings: Any) -> None:
    brand = BrandFactory()
    append_events([event(brand, E.REDEMPTION_CONFIRMED, offer=uuid.uuid4(), amount=5)])
    roll_up()
    Event.objects.all().delete()
    settings.EVENT_RETENTION_MONTHS = 2

    assert list(rollup.check(at=NOON + timedelta(days=100), repair=False)) == []
    assert len(list(rollup.check(at=NOON, repair=False))) == 3
