"""The first limit of an offer counts what is taken and released while it is set: nothing too much, nothing lost.

Each test runs for every kind of offer, every limit that its brand can set, and both transactions as the first one.
"""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections

from accounts.models import Brand
from accounts.selectors import shopper_of
from checkout import services
from checkout.contracts import Actor
from checkout.refunds import RefundRequest
from core import db
from core.ids import uuid7
from coupons import consistency as coupon_checks
from coupons import services as coupons
from coupons.contracts import RedemptionRequest
from discounts import services as discounts
from redemptions.limits import consistency as pool_checks
from redemptions.limits.models import Limit, LimitUnit
from redemptions.uses import consistency as use_checks
from redemptions.uses.models import OfferUse
from tests.factories import BrandFactory, ShopperFactory
from tests.races.transactions import is_blocked, long_transaction
from tests.redemptions.limited_offers import KINDS, change_limits, create_offer, reserve

pytestmark = pytest.mark.django_db(transaction=True)
Call = Callable[[], Any]
MINUTE = timedelta(minutes=1)
TIMEOUT = 30.0  # seconds in which the second transaction finishes or waits for the first one

LIMITS: dict[str, dict[str, Any]] = {  # by scope, as the fields of an offer
    "day": {"limit_per_day": 9}, "week": {"limit_per_week": 9}, "month": {"limit_per_month": 9},
    "units": {"limit_units": 9}, "budget:EUR": {"budget": 9_000},
    "customer_budget:EUR": {"max_per_customer": {"EUR": 9_000}},
}  # fmt: skip
TOTALS = {"total": "sharded", "total:exact": "exact", "total:pool": "pool"}  # strategies by scope
OWN_LIMITS: dict[str, dict[str, dict[str, Any]]] = {
    "coupon": {
        **{scope: {"maximum_number_of_coupons": 9} for scope in TOTALS},
        "customer": {"maximum_number_of_coupons_per_user": 9},
    },
    "discount_code": {scope: {"limit_total": 9} for scope in TOTALS},
    "promotion": {**{scope: {"limit_total": 9} for scope in TOTALS}, "customer": {"limit_per_user": 9}},
    "voucher": {},  # a campaign has its quota from the start
}
WITHOUT_CARTS = ("day", "week", "month", "customer", *TOTALS)


def limits_of(kind: str) -> dict[str, dict[str, Any]]:
    return LIMITS | OWN_LIMITS[kind]


# --- what takes and releases ------------------------------------------------------------------------------------------
def take_by_order(offer: Any, at: datetime) -> tuple[Call, Call]:
    """Return the calls that reserve the offer for an order and cancel it."""
    taken: list[Any] = []
    return lambda: taken.append(reserve(offer, at)), lambda: services.cancel(redemption=taken[0], at=at)


def take_and_refund(offer: Any, at: datetime) -> tuple[Call, Call]:
    """Return the calls that confirm an order with the offer and refund it."""
    taken: list[Any] = []

    def take() -> None:
        taken.append(services.confirm(redemption=reserve(offer, at), at=at, by=Actor.SERVER))

    return take, lambda: services.return_redemption(redemption=taken[0], request=RefundRequest(), at=at)


def take_alone(offer: Any, at: datetime) -> tuple[Call, Call]:
    """Return the calls that redeem the offer without an order and return it."""
    if offer.offer_kind == "coupon":
        return _redeem_coupon(offer, at, None), lambda: coupons.return_redemption(redemption=_redemption(offer), at=at)
    customer = ShopperFactory().customer
    taken: list[Any] = []

    def redeem() -> None:
        shopper = shopper_of(customer)
        taken.append(discounts.redeem_code(code="TEN", shopper=shopper, amount=None, currency=None, at=at))

    brand: Brand = offer.brand
    return redeem, lambda: discounts.return_redemption(usage_id=taken[0].id, brand_id=brand.pk, at=at)


def reserve_alone(offer: Any, at: datetime) -> tuple[Call, Call]:
    """Return the calls that reserve a coupon without an order and release it."""
    take = _redeem_coupon(offer, at, at + MINUTE)
    return take, lambda: coupons.release(redemption=_redemption(offer), at=at)


def expire_alone(offer: Any, at: datetime) -> tuple[Call, Call]:
    """Return the calls that reserve a coupon without an order and expire its reservation."""
    return _redeem_coupon(offer, at, at + MINUTE), lambda: coupons.expire_due(at=at + MINUTE)


def _redeem_coupon(offer: Any, at: datetime, reserved_until: datetime | None) -> Call:
    customer = ShopperFactory().customer
    request = RedemptionRequest(uuid7(), customer.pk, "TEN", reserved_until=reserved_until)
    return lambda: coupons.redeem(coupon=offer.pk, request=request, at=at)


def _redemption(offer: Any) -> Any:
    return offer.redemptions.get().pk


WAYS: dict[str, tuple[Callable[[Any, datetime], tuple[Call, Call]], list[str]]] = {  # and the kinds that have it
    "order": (take_by_order, list(KINDS)),
    "refund": (take_and_refund, list(KINDS)),
    "alone": (take_alone, ["coupon", "discount_code"]),
    "reservation": (reserve_alone, ["coupon"]),
    "expiry": (expire_alone, ["coupon"]),
}


def cases() -> Iterator[tuple[str, str, str]]:
    """Yield kind, way and scope."""
    for way, (_, kinds) in WAYS.items():
        for kind in kinds:
            for scope in limits_of(kind):
                if way in ("order", "refund") or scope in WITHOUT_CARTS:
                    yield kind, way, scope


CASES = list(cases())


# --- the races --------------------------------------------------------------------------------------------------------
def run_after(first: Call, second: Call) -> None:
    """Run a call in a transaction, and another one that starts before it commits. Raises the error of the second."""
    with long_transaction(first) as finish, ThreadPoolExecutor(1) as pool:
        result = pool.submit(_run_and_close, second)
        deadline = time.monotonic() + TIMEOUT
        while not (result.done() or is_blocked()):
            assert time.monotonic() < deadline
            wait([result], timeout=0.02)
        finish()
        result.result(TIMEOUT)


def _run_and_close(call: Call) -> None:
    try:
        call()
    finally:
        connections.close_all()


def race(kind: str, way: str, scope: str, at: datetime, *, releases: bool, limit_first: bool) -> tuple[int, list[str]]:
    """Take or release while the first limit of an offer is set. Return what it counts, and what is inconsistent."""
    strategy = {"limit_strategy": TOTALS[scope]} if scope in TOTALS else {}
    offer = create_offer(kind, BrandFactory(), **strategy)
    take, release = WAYS[way][0](offer, at)
    if releases:
        take()

    def change() -> None:
        change_limits(offer, at, **limits_of(kind)[scope])

    other = release if releases else take
    run_after(change, other) if limit_first else run_after(other, change)
    later = at + MINUTE
    checks = (coupon_checks.check, use_checks.check, pool_checks.check)
    differences = [line for check in checks for line in check(at=later, repair=False)]
    return _count(offer, scope), differences


def _count(offer: Any, scope: str) -> int:
    """Return what a limit counts: the taken units of a pool, or what its rows say."""
    if scope == "total:pool":
        return LimitUnit.objects.filter(owner=offer.offer_key, redemption_id__isnull=False).count()
    return sum(row.taken for row in Limit.objects.filter(owner=offer.offer_key, scope=scope))


@pytest.mark.parametrize("limit_first", [True, False], ids=["limit-first", "limit-second"])
@pytest.mark.parametrize(("kind", "way", "scope"), CASES)
def test_the_first_limit_counts_nothing_that_is_released_meanwhile(
    kind: str, way: str, scope: str, limit_first: bool, at: datetime
) -> None:
    assert race(kind, way, scope, at, releases=True, limit_first=limit_first) == (0, [])


@pytest.mark.parametrize("limit_first", [True, False], ids=["limit-first", "limit-second"])
@pytest.mark.parametrize(("kind", "way", "scope"), [case for case in CASES if case[1] in ("order", "alone")])
def test_the_first_limit_counts_what_is_taken_meanwhile(
    kind: str, way: str, scope: str, limit_first: bool, at: datetime
) -> None:
    amount = 1_000 if "budget" in scope else 1

    assert race(kind, way, scope, at, releases=False, limit_first=limit_first) == (amount, [])


@pytest.mark.parametrize("limit_first", [True, False], ids=["limit-first", "limit-second"])
@pytest.mark.parametrize(("kind", "is_alone"), [*((kind, False) for kind in KINDS), ("coupon", True)])
def test_the_first_limit_keeps_what_is_confirmed_meanwhile(
    kind: str, is_alone: bool, limit_first: bool, at: datetime
) -> None:
    assert race_with_a_confirmation(kind, at, is_alone=is_alone, limit_first=limit_first) == (1, False)


@pytest.mark.parametrize("is_alone", [False, True], ids=["order", "alone"])
def test_without_the_lock_of_the_redemption_its_use_stays_reserved(
    is_alone: bool, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_sql = db.load_sql
    monkeypatch.setattr(db, "load_sql", lambda path: re.sub(r"FOR UPDATE -- waits.*", "", load_sql(path)))

    assert race_with_a_confirmation("coupon", at, is_alone=is_alone, limit_first=False) == (1, True)


def race_with_a_confirmation(kind: str, at: datetime, *, is_alone: bool, limit_first: bool) -> tuple[int, bool]:
    """Confirm a reservation while the first limit is set. Return what it counts, and whether it is still reserved."""
    offer = create_offer(kind, BrandFactory())
    if is_alone:
        _redeem_coupon(offer, at, at + MINUTE)()
        pk = _redemption(offer)
        confirm: Call = lambda: coupons.confirm(redemption=pk, at=at)  # noqa: E731
    else:
        order = reserve(offer, at)
        confirm = lambda: services.confirm(redemption=order, at=at, by=Actor.SERVER)  # noqa: E731
    change = lambda: change_limits(offer, at, limit_per_day=9)  # noqa: E731
    run_after(change, confirm) if limit_first else run_after(confirm, change)
    use = OfferUse.objects.get(offer_id=offer.offer_key)
    return _count(offer, "day"), use.reserved_until is not None


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take and release without a lock of the offers."""
    load_sql = db.load_sql
    monkeypatch.setattr(db, "load_sql", lambda path: re.sub(r"FOR KEY SHARE( OF \w+)?", "", load_sql(path)))


@pytest.mark.usefixtures("without_locks")
@pytest.mark.parametrize("scope", LIMITS)
@pytest.mark.parametrize("way", ["order", "refund"])
@pytest.mark.parametrize("kind", ["coupon", "discount_code"])  # which have uses only since their first limit
def test_without_the_lock_of_the_offer_its_first_limit_counts_what_was_released(
    kind: str, way: str, scope: str, at: datetime
) -> None:
    """Prove that the test above can fail."""
    assert race(kind, way, scope, at, releases=True, limit_first=True) != (0, [])


@pytest.mark.usefixtures("without_locks")
@pytest.mark.parametrize("limit_first", [True, False], ids=["limit-first", "limit-second"])
@pytest.mark.parametrize(
    ("kind", "way", "scope"),
    [case for case in CASES if case[1] in ("order", "alone") and case[2] in ("day", "units", "budget:EUR", *TOTALS)],
)
def test_without_the_lock_of_the_offer_its_first_limit_misses_what_is_taken(
    kind: str, way: str, scope: str, limit_first: bool, at: datetime
) -> None:
    """Prove that the test above can fail."""
    amount = 1_000 if "budget" in scope else 1

    try:
        outcome = race(kind, way, scope, at, releases=False, limit_first=limit_first)
    except OperationalError as error:
        assert "deadlock" in str(error)  # noqa: PT017
    else:
        assert outcome != (amount, [])
