"""Audiences computed from purchases: who is in them, when they leave, and that a full count says the same."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Brand, Customer
from checkout import rules
from checkout.contracts import PurchaseTotals
from checkout.models import DirtyPurchaseTotal, PurchaseTotal, Redemption, RedemptionItem, Status
from checkout.services import purchase_totals, refresh_audiences
from core.errors import InvalidRequest
from segments import services as segments
from segments.contracts import AUTOMATIC_SEGMENT_TYPES, Source
from segments.errors import AudienceReadOnly
from segments.models import Audience, AudienceMember
from tests.factories import BrandFactory, CustomerFactory

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
NOON = datetime(2027, 3, 17, 12, tzinfo=UTC)
THIRD, HUNDRED, NEW, LAPSED = AUTOMATIC_SEGMENT_TYPES


# --- the rules -------------------------------------------------------------------------------------------------------
def types(*, at: datetime = NOON, currency: str = "EUR", **purchases: Any) -> set[str]:
    usual: dict[str, Any] = {"orders": 1, "largest": 100, "first_at": NOON - 60 * DAY, "last_at": NOON - 60 * DAY}
    return set(rules.segment_types(PurchaseTotals(**(usual | purchases)), currency=currency, at=at))


@pytest.mark.parametrize(
    ("purchases", "expected"),
    [
        ({}, set()),
        ({"orders": 0, "largest": None, "first_at": None, "last_at": None}, set()),
        ({"orders": 2}, set()),
        ({"orders": 3}, {THIRD}),
        ({"largest": 100_00}, set()),
        ({"largest": 100_01}, {HUNDRED}),
        ({"largest": 100, "currency": "JPY"}, set()),
        ({"largest": 101, "currency": "JPY"}, {HUNDRED}),
        ({"largest": 100_001, "currency": "KWD"}, {HUNDRED}),
        ({"largest": None}, set()),
        ({"first_at": NOON - 30 * DAY + SECOND, "last_at": NOON}, {NEW}),
        ({"first_at": NOON - 30 * DAY, "last_at": NOON}, set()),
        ({"first_at": NOON - 90 * DAY, "last_at": NOON - 90 * DAY}, {LAPSED}),
        ({"first_at": NOON - 90 * DAY, "last_at": NOON - 90 * DAY + SECOND}, set()),
        ({"orders": 9, "largest": 99_999, "first_at": NOON - 99 * DAY, "last_at": NOON - 91 * DAY},
         {THIRD, HUNDRED, LAPSED}),
    ],
)  # fmt: skip
def test_who_belongs(purchases: dict[str, Any], expected: set[str]) -> None:
    assert types(**purchases) == expected


def test_every_type_that_a_brand_may_have_computed_has_a_rule() -> None:
    found = types(orders=3, largest=101_00) | types(first_at=NOON, last_at=NOON)
    found |= types(first_at=NOON - 99 * DAY, last_at=NOON - 99 * DAY)

    assert found == set(AUTOMATIC_SEGMENT_TYPES)


moments = st.integers(0, 200 * 24).map(lambda hours: NOON - timedelta(hours=hours))


@given(first=moments, length=st.integers(0, 100), later=st.integers(1, 300 * 24))
def test_until_the_next_change_nothing_changes_and_then_something_does(first: Any, length: int, later: int) -> None:
    purchases = PurchaseTotals(1, 100, first, min(first + length * DAY, NOON))

    change = rules.next_change(purchases, at=NOON)

    now = rules.segment_types(purchases, currency="EUR", at=NOON)
    then = NOON + timedelta(hours=later)
    if change is None or then < change:
        assert rules.segment_types(purchases, currency="EUR", at=then) == now
    if change is not None:
        assert rules.segment_types(purchases, currency="EUR", at=change) != now


# --- kept up with what happens ---------------------------------------------------------------------------------------
@pytest.fixture
def brand(db: None) -> Brand:
    made: Brand = BrandFactory(slug="billo", currency="EUR")
    for segment_type in AUTOMATIC_SEGMENT_TYPES:
        segments.enable(brand=made, segment_type=segment_type)
    return made


def buy(
    brand: Brand | None, customer: Customer, at: datetime, total: str = "10.00", currency: str = "EUR",
    status: Status = Status.CONFIRMED, order: str = "",
) -> Redemption:  # fmt: skip
    minor = int(Decimal(total).scaleb(2))
    return Redemption.objects.create(
        brand=brand, customer=customer, order=order or f"order-{Redemption.objects.count()}", status=Status(status),
        fingerprint=b"", currency=currency, subtotal=minor, discount_total=0, total=minor, cart={}, quote={},
        created_at=at, expires_at=at, confirmed_at=at,
    )  # fmt: skip


def become(redemption: Redemption, status: Status) -> None:
    Redemption.objects.filter(pk=redemption.pk).update(status=status)


def members(brand: Brand) -> dict[str, set[str]]:
    """Who is in each of the brand's audiences; the empty ones are left out."""
    found: dict[str, set[str]] = {}
    rows = AudienceMember.objects.filter(audience__brand=brand)
    for segment_type, customer in rows.values_list("audience__segment_type", "customer__customer_id"):
        found.setdefault(segment_type, set()).add(customer)
    sizes = Audience.objects.filter(brand=brand, size__gt=0).values_list("segment_type", "size")
    assert {name: len(them) for name, them in found.items()} == dict(sizes)
    return found


def counted(brand: Brand, at: datetime) -> dict[str, set[str]]:
    """The same, counted from all orders by the words of docs/algorithms/segment-types.md."""
    found: dict[str, set[str]] = {}
    for customer in Customer.objects.all():
        orders = [
            it for it in Redemption.objects.filter(customer=customer, status=Status.CONFIRMED)
            if it.brand_id == brand.pk or (it.brand_id is None and it.items.filter(brand=brand).exists())
        ]  # fmt: skip
        times = sorted(it.confirmed_at for it in orders if it.confirmed_at)
        holds = {
            THIRD: len(orders) > 2,
            HUNDRED: any(it.total > 100_00 and it.currency == brand.currency for it in orders),
            NEW: bool(times) and at - times[0] < 30 * DAY,
            LAPSED: bool(times) and at - times[-1] >= 90 * DAY,
        }
        for name, is_so in holds.items():
            if is_so:
                found.setdefault(name, set()).add(customer.customer_id)
    return found


def test_a_purchase_brings_in_and_a_refund_moves_out(brand: Brand) -> None:
    ann: Customer = CustomerFactory(customer_id="ann")
    orders = [buy(brand, ann, NOON - 40 * DAY, total) for total in ("10.00", "100.01", "5.00")]
    buy(BrandFactory(slug="cake"), ann, NOON, "500.00")

    refresh_audiences(at=NOON)
    assert members(brand) == {THIRD: {"ann"}, HUNDRED: {"ann"}}

    become(orders[1], Status.REFUNDED)
    refresh_audiences(at=NOON)
    assert members(brand) == {}
    assert not DirtyPurchaseTotal.objects.exists()


def test_time_alone_moves_in_and_out(brand: Brand) -> None:
    buy(brand, CustomerFactory(customer_id="ann"), NOON)

    found = {}
    for days in (0, 29, 30, 89, 90, 400):
        refresh_audiences(at=NOON + days * DAY)
        found[days] = members(brand)

    new, lapsed = {NEW: {"ann"}}, {LAPSED: {"ann"}}
    assert found == {0: new, 29: new, 30: {}, 89: {}, 90: lapsed, 400: lapsed}


def test_an_outage_over_both_ends_is_caught_up_with(brand: Brand) -> None:
    buy(brand, CustomerFactory(customer_id="ann"), NOON)
    refresh_audiences(at=NOON)

    refresh_audiences(at=NOON + 200 * DAY)

    assert members(brand) == {LAPSED: {"ann"}}


def test_who_bought_for_the_first_time_and_was_refunded_is_forgotten(brand: Brand) -> None:
    order = buy(brand, CustomerFactory(customer_id="ann"), NOON)
    refresh_audiences(at=NOON)
    assert members(brand) == {NEW: {"ann"}}

    become(order, Status.REFUNDED)
    refresh_audiences(at=NOON)

    assert members(brand) == {}
    assert not PurchaseTotal.objects.exists()


def test_an_order_that_a_shopper_brought_counts_for_the_brands_whose_offers_it_took(brand: Brand) -> None:
    order = buy(None, CustomerFactory(customer_id="ann"), NOON, status=Status.RESERVED)
    RedemptionItem.objects.create(
        redemption=order, position=0, kind="promotion", key="k", brand=brand, title="t", amount=1
    )
    refresh_audiences(at=NOON)
    assert members(brand) == {}

    become(order, Status.CONFIRMED)
    refresh_audiences(at=NOON)

    assert members(brand) == {NEW: {"ann"}}


def test_nothing_else_may_say_who_is_in_it(brand: Brand) -> None:
    with pytest.raises(AudienceReadOnly):
        segments.apply_audience(brand=brand, segment_type=NEW, operation="add", customer_ids=["ann"])

    assert members(brand) == {}


# --- opting in and out -----------------------------------------------------------------------------------------------
def test_a_brand_that_asks_for_it_late_finds_everybody_counted(db: None) -> None:
    brand = BrandFactory(slug="billo")
    segments.apply_audience(brand=brand, segment_type=THIRD, operation="add", customer_ids=["sent", "ann"])
    for name, times in {"ann": 3, "ben": 4, "cid": 2}.items():
        customer = CustomerFactory(customer_id=name) if name != "ann" else Customer.objects.get(customer_id="ann")
        for _ in range(times):
            buy(brand, customer, NOON)
    refresh_audiences(at=NOON)
    assert members(brand) == {THIRD: {"sent", "ann"}}

    segments.enable(brand=brand, segment_type=THIRD)
    assert members(brand) == {THIRD: {"sent", "ann"}}
    refresh_audiences(at=NOON)

    assert members(brand) == {THIRD: {"ann", "ben"}}
    audience = Audience.objects.get()
    assert (audience.source, audience.counted_at) == (Source.AUTOMATIC_SEGMENT_TYPES, NOON)


def test_a_brand_that_stops_keeps_its_members_and_may_send_others(brand: Brand) -> None:
    buy(brand, CustomerFactory(customer_id="ann"), NOON)
    refresh_audiences(at=NOON)

    segments.disable(brand=brand, segment_type=NEW)
    refresh_audiences(at=NOON + 50 * DAY)
    assert members(brand) == {NEW: {"ann"}}
    segments.apply_audience(brand=brand, segment_type=NEW, operation="replace", customer_ids=["sent"])
    assert members(brand) == {NEW: {"sent"}}

    segments.enable(brand=brand, segment_type=NEW)
    refresh_audiences(at=NOON + 50 * DAY)
    assert members(brand) == {}


@pytest.mark.parametrize("step", ["_move", "count_audience"])
def test_a_brand_that_stops_while_it_is_counted_is_left_alone(
    brand: Brand, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(brand, CustomerFactory(customer_id="ann"), NOON)
    real = getattr(purchase_totals, step)

    def stopped_first(*args: Any, **kwargs: Any) -> None:
        for segment_type in AUTOMATIC_SEGMENT_TYPES:
            segments.disable(brand=brand, segment_type=segment_type)
        real(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(purchase_totals, step, stopped_first)
        refresh_audiences(at=NOON)

    assert members(brand) == {}


def test_what_cannot_be_computed_is_refused(brand: Brand) -> None:
    with pytest.raises(InvalidRequest):
        segments.enable(brand=brand, segment_type="vip")


# --- the same as a full count ----------------------------------------------------------------------------------------
step = st.one_of(
    st.tuples(st.just("buy"), st.integers(0, 2), st.sampled_from(["10.00", "100.00", "100.01"]), st.booleans()),
    st.tuples(st.just("refund"), st.integers(0, 8)),
    st.tuples(st.just("wait"), st.integers(0, 95)),
    st.tuples(st.just("refresh")),
    st.tuples(st.just("again"), st.sampled_from(list(AUTOMATIC_SEGMENT_TYPES))),
)


@pytest.mark.django_db(transaction=True)
@settings(max_examples=25, deadline=None)
@given(steps=st.lists(step, min_size=4, max_size=14))
def test_refreshing_now_and_then_comes_to_what_a_full_count_says(steps: list[Any]) -> None:
    Redemption.objects.all().delete()
    Audience.objects.all().delete()
    brand: Brand = Brand.objects.filter(slug="billo").first() or BrandFactory(slug="billo", currency="EUR")
    people = [Customer.objects.get_or_create(customer_id=name)[0] for name in ("ann", "ben", "cid")]
    for segment_type in AUTOMATIC_SEGMENT_TYPES:
        segments.enable(brand=brand, segment_type=segment_type)
    now = NOON

    for verb, *rest in steps:
        if verb == "buy":
            buy(brand, people[rest[0]], now, rest[1], currency="EUR" if rest[2] else "USD")
        elif verb == "refund":
            for order in Redemption.objects.order_by("pk")[rest[0] : rest[0] + 1]:
                become(order, Status.REFUNDED)
        elif verb == "wait":
            now += rest[0] * DAY
        elif verb == "again":
            segments.disable(brand=brand, segment_type=rest[0])
            segments.enable(brand=brand, segment_type=rest[0])
        else:
            refresh_audiences(at=now)
    refresh_audiences(at=now)

    assert members(brand) == counted(brand, now)
    assert list(purchase_totals.check(at=now, repair=False)) == []


# --- many ------------------------------------------------------------------------------------------------------------
def test_many_are_gone_through_some_at_a_time(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purchase_totals, "CHUNK", 3)
    for number in range(10):
        buy(brand, CustomerFactory(customer_id=f"c{number}"), NOON)

    while purchase_totals.refresh_totals(at=NOON, limit=3) + purchase_totals.update_memberships(at=NOON, limit=3):
        pass
    assert len(members(brand)[NEW]) == 10

    segments.disable(brand=brand, segment_type=NEW)
    segments.enable(brand=brand, segment_type=NEW)
    refresh_audiences(at=NOON)
    assert len(members(brand)[NEW]) == 10


def test_sums_that_are_wrong_are_found_and_mended(brand: Brand) -> None:
    buy(brand, CustomerFactory(customer_id="ann"), NOON)
    refresh_audiences(at=NOON)
    PurchaseTotal.objects.update(orders=2)

    assert len(list(purchase_totals.check(at=NOON, repair=True))) == 1
    refresh_audiences(at=NOON)

    assert list(purchase_totals.check(at=NOON, repair=False)) == []
    assert PurchaseTotal.objects.get().orders == 1


def test_an_audience_that_holds_others_is_found_and_mended(brand: Brand) -> None:
    buy(brand, CustomerFactory(customer_id="ann"), NOON)
    refresh_audiences(at=NOON)
    stray = CustomerFactory(customer_id="stray")
    AudienceMember.objects.create(audience=Audience.objects.get(segment_type=NEW), customer=stray)
    Audience.objects.filter(segment_type=NEW).update(size=2)

    (line,) = purchase_totals.check(at=NOON, repair=True)
    assert NEW in line
    refresh_audiences(at=NOON)

    assert members(brand) == {NEW: {"ann"}}
    assert list(purchase_totals.check(at=NOON, repair=False)) == []
