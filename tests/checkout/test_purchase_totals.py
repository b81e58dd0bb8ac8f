"""Automatic audiences: their members, when these change, and that a full count gives the same result."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Brand, Customer
from checkout import rules
from checkout.contracts import PurchaseTotals
from checkout.models import DirtyPurchaseTotal, PurchaseTotal, Redemption, RedemptionItem
from checkout.services import purchase_totals, refresh_audiences
from core.errors import InvalidRequest
from redemptions.statuses import RedemptionStatus
from segments import services as segments
from segments.contracts import AUTOMATIC_SEGMENT_TYPES, Source
from segments.errors import AudienceReadOnly
from segments.models import Audience, AudienceMember
from tests.factories import BrandFactory, CustomerFactory

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
NOON = datetime(2027, 3, 17, 12, tzinfo=UTC)
THIRD, HUNDRED, NEW, LAPSED = AUTOMATIC_SEGMENT_TYPES


# --- rules -----------------------------------------------------------------------------------------------------------
def types(*, at: datetime = NOON, currency: str = "EUR", **purchases: Any) -> set[str]:
    defaults: dict[str, Any] = {"orders": 1, "largest": 100, "first_at": NOON - 60 * DAY, "last_at": NOON - 60 * DAY}
    return set(rules.segment_types(PurchaseTotals(**(defaults | purchases)), currency=currency, at=at))


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
def test_segment_types_follow_from_the_totals(purchases: dict[str, Any], expected: set[str]) -> None:
    assert types(**purchases) == expected


def test_every_automatic_segment_type_has_a_rule() -> None:
    produced = types(orders=3, largest=101_00) | types(first_at=NOON, last_at=NOON)
    produced |= types(first_at=NOON - 99 * DAY, last_at=NOON - 99 * DAY)

    assert produced == set(AUTOMATIC_SEGMENT_TYPES)


moments = st.integers(0, 200 * 24).map(lambda hours: NOON - timedelta(hours=hours))


@given(first=moments, length=st.integers(0, 100), later=st.integers(1, 300 * 24))
def test_segment_types_change_exactly_at_the_next_change(first: Any, length: int, later: int) -> None:
    purchases = PurchaseTotals(1, 100, first, min(first + length * DAY, NOON))

    change = rules.next_change(purchases, at=NOON)

    now = rules.segment_types(purchases, currency="EUR", at=NOON)
    then = NOON + timedelta(hours=later)
    if change is None or then < change:
        assert rules.segment_types(purchases, currency="EUR", at=then) == now
    if change is not None:
        assert rules.segment_types(purchases, currency="EUR", at=change) != now


# --- updates ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def brand(db: None) -> Brand:
    billo: Brand = BrandFactory(slug="billo", currency="EUR")
    for segment_type in AUTOMATIC_SEGMENT_TYPES:
        segments.enable(brand=billo, segment_type=segment_type)
    return billo


def buy(
    brand: Brand | None, customer: Customer, at: datetime, total: str = "10.00", currency: str = "EUR",
    status: RedemptionStatus = RedemptionStatus.CONFIRMED, order: str = "",
) -> Redemption:  # fmt: skip
    minor = int(Decimal(total).scaleb(2))
    return Redemption.objects.create(
        brand=brand, customer=customer, order=order or f"order-{Redemption.objects.count()}", status=status,
        fingerprint=b"", currency=currency, subtotal=minor, discount_total=0, total=minor, cart={}, quote={},
        created_at=at, expires_at=at, confirmed_at=at,
    )  # fmt: skip


def set_status(redemption: Redemption, status: RedemptionStatus) -> None:
    Redemption.objects.filter(pk=redemption.pk).update(status=status)


def members(brand: Brand) -> dict[str, set[str]]:
    """Return the members of each audience of the brand that isn't empty."""
    by_type: dict[str, set[str]] = {}
    rows = AudienceMember.objects.filter(audience__brand=brand)
    for segment_type, customer in rows.values_list("audience__segment_type", "customer__customer_id"):
        by_type.setdefault(segment_type, set()).add(customer)
    sizes = Audience.objects.filter(brand=brand, size__gt=0).values_list("segment_type", "size")
    assert {name: len(customers) for name, customers in by_type.items()} == dict(sizes)
    return by_type


def count_members(brand: Brand, at: datetime) -> dict[str, set[str]]:
    """Return the same, counted from all orders by the definitions in docs/algorithms/segment-types.md."""
    by_type: dict[str, set[str]] = {}
    for customer in Customer.objects.all():
        orders = [
            order for order in Redemption.objects.filter(customer=customer, status=RedemptionStatus.CONFIRMED)
            if order.brand_id == brand.pk or (order.brand_id is None and order.items.filter(brand=brand).exists())
        ]  # fmt: skip
        times = sorted(order.confirmed_at for order in orders if order.confirmed_at)
        conditions = {
            THIRD: len(orders) > 2,
            HUNDRED: any(order.total > 100_00 and order.currency == brand.currency for order in orders),
            NEW: bool(times) and at - times[0] < 30 * DAY,
            LAPSED: bool(times) and at - times[-1] >= 90 * DAY,
        }
        for name, is_met in conditions.items():
            if is_met:
                by_type.setdefault(name, set()).add(customer.customer_id)
    return by_type


def test_a_purchase_adds_a_member_and_a_refund_removes_it(brand: Brand) -> None:
    ann: Customer = CustomerFactory(customer_id="ann")
    orders = [buy(brand, ann, NOON - 40 * DAY, total) for total in ("10.00", "100.01", "5.00")]
    buy(BrandFactory(slug="cake"), ann, NOON, "500.00")

    refresh_audiences(at=NOON)
    assert members(brand) == {THIRD: {"ann"}, HUNDRED: {"ann"}}

    set_status(orders[1], RedemptionStatus.RETURNED)
    refresh_audiences(at=NOON)
    assert members(brand) == {}
    assert not DirtyPurchaseTotal.objects.exists()


def test_members_change_by_time_alone(brand: Brand) -> None:
    buy(brand, CustomerFactory(customer_id="ann"), NOON)

    by_day = {}
    for days in (0, 29, 30, 89, 90, 400):
        refresh_audiences(at=NOON + days * DAY)
        by_day[days] = members(brand)

    new, lapsed = {NEW: {"ann"}}, {LAPSED: {"ann"}}
    assert by_day == {0: new, 29: new, 30: {}, 89: {}, 90: lapsed, 400: lapsed}


def test_a_late_refresh_applies_all_missed_changes(brand: Brand) -> None:
    buy(brand, CustomerFactory(customer_id="ann"), NOON)
    refresh_audiences(at=NOON)

    refresh_audiences(at=NOON + 200 * DAY)

    assert members(brand) == {LAPSED: {"ann"}}


def test_the_totals_of_a_customer_without_orders_are_deleted(brand: Brand) -> None:
    order = buy(brand, CustomerFactory(customer_id="ann"), NOON)
    refresh_audiences(at=NOON)
    assert members(brand) == {NEW: {"ann"}}

    set_status(order, RedemptionStatus.RETURNED)
    refresh_audiences(at=NOON)

    assert members(brand) == {}
    assert not PurchaseTotal.objects.exists()


def test_a_shoppers_order_counts_for_the_brands_of_its_offers(brand: Brand) -> None:
    order = buy(None, CustomerFactory(customer_id="ann"), NOON, status=RedemptionStatus.RESERVED)
    RedemptionItem.objects.create(
        redemption=order, position=0, kind="promotion", key="k", brand=brand, title="t", amount=1
    )
    refresh_audiences(at=NOON)
    assert members(brand) == {}

    set_status(order, RedemptionStatus.CONFIRMED)
    refresh_audiences(at=NOON)

    assert members(brand) == {NEW: {"ann"}}


def test_an_automatic_audience_rejects_other_updates(brand: Brand) -> None:
    with pytest.raises(AudienceReadOnly):
        segments.apply_audience(brand=brand, segment_type=NEW, operation="add", customer_ids=["ann"])

    assert members(brand) == {}


# --- enabling and disabling ------------------------------------------------------------------------------------------
def test_a_newly_automatic_audience_counts_past_purchases(db: None) -> None:
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
    assert (audience.source, audience.counted_at) == (Source.AUTOMATIC, NOON)


def test_a_disabled_audience_keeps_its_members_until_an_update(brand: Brand) -> None:
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


@pytest.mark.parametrize("step", ["_apply_memberships", "count_audience"])
def test_an_audience_disabled_during_a_refresh_does_not_change(
    brand: Brand, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(brand, CustomerFactory(customer_id="ann"), NOON)
    original = getattr(purchase_totals, step)

    def disable_first(*args: Any, **kwargs: Any) -> None:
        for segment_type in AUTOMATIC_SEGMENT_TYPES:
            segments.disable(brand=brand, segment_type=segment_type)
        original(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(purchase_totals, step, disable_first)
        refresh_audiences(at=NOON)

    assert members(brand) == {}


def test_other_segment_types_cannot_be_automatic(brand: Brand) -> None:
    with pytest.raises(InvalidRequest):
        segments.enable(brand=brand, segment_type="vip")


# --- comparison with a full count ------------------------------------------------------------------------------------
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
def test_incremental_refreshes_equal_a_full_count(steps: list[Any]) -> None:
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
                set_status(order, RedemptionStatus.RETURNED)
        elif verb == "wait":
            now += rest[0] * DAY
        elif verb == "again":
            segments.disable(brand=brand, segment_type=rest[0])
            segments.enable(brand=brand, segment_type=rest[0])
        else:
            refresh_audiences(at=now)
    refresh_audiences(at=now)

    assert members(brand) == count_members(brand, now)
    assert list(purchase_totals.check(at=now, repair=False)) == []


# --- many customers, and repairs -------------------------------------------------------------------------------------
def test_many_customers_are_processed_in_chunks(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_wrong_totals_are_found_and_repaired(brand: Brand) -> None:
    buy(brand, CustomerFactory(customer_id="ann"), NOON)
    refresh_audiences(at=NOON)
    PurchaseTotal.objects.update(orders=2)

    assert len(list(purchase_totals.check(at=NOON, repair=True))) == 1
    refresh_audiences(at=NOON)

    assert list(purchase_totals.check(at=NOON, repair=False)) == []
    assert PurchaseTotal.objects.get().orders == 1


def test_a_dirty_marker_hides_the_totals_of_its_own_customer_only(brand: Brand) -> None:
    for customer in ("c1", "c2"):
        buy(brand, CustomerFactory(customer_id=customer), NOON)
    refresh_audiences(at=NOON)
    PurchaseTotal.objects.update(orders=99)
    first, second = PurchaseTotal.objects.order_by("customer_id").values_list("customer_id", flat=True)
    DirtyPurchaseTotal.objects.create(brand_id=brand.pk, customer_id=first)

    lines = list(purchase_totals.check(at=NOON, repair=False))

    customers = [line.split(" of ")[0] for line in lines if line.startswith("customer ")]
    assert customers == [f"customer {second}"]


def test_wrong_members_are_found_and_repaired(brand: Brand) -> None:
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
