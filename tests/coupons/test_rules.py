"""Decisions about coupons."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidRequest, TokenInvalid
from coupons import rules
from coupons.contracts import CouponSnapshot, RedemptionRequest
from coupons.errors import CouponEnded, CouponLimitPerCustomer, CouponLimitReached, CouponNotStarted
from promotions.errors import CodeExpired, CodeInactive, CodeNotFound, CodeNotStarted

START = datetime(2027, 3, 1, tzinfo=UTC)
END = datetime(2027, 4, 1, tzinfo=UTC)
COUPON = uuid.UUID("00000000-0000-7000-8000-000000000001")


def seen(**changes: object) -> CouponSnapshot:
    fields = {
        "id": COUPON, "is_active": True, "start_date": START, "end_date": END, "strategy": "exact", "maximum": None,
        "maximum_per_user": None, "code": None, "has_batches": False, "counts": {}, "codes": {},
        "shut_out": frozenset(),
    }  # fmt: skip
    return CouponSnapshot(**(fields | changes))  # type: ignore[arg-type]


def refused(it: CouponSnapshot, at: datetime = START, code: str = "") -> list[type]:
    return [type(refusal) for refusal in rules.list_errors(seen=it, asked=RedemptionRequest(COUPON, 7, code), at=at)]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (START - timedelta(microseconds=1), [CouponNotStarted]),
        (START, []),
        (END - timedelta(microseconds=1), []),
        (END, [CouponEnded]),
    ],
)
def test_a_coupon_runs_from_its_start_to_just_before_its_end(at: datetime, expected: list[type]) -> None:
    assert refused(seen(), at) == expected


def test_every_reason_is_told_and_the_most_lasting_first() -> None:
    everything = seen(is_active=False, maximum_per_user=2, counts={7: 2}, shut_out=frozenset({7}), has_batches=True)

    assert refused(everything) == [TokenInvalid, CouponEnded, InvalidRequest, CouponLimitPerCustomer]


@pytest.mark.parametrize(
    ("it", "code", "expected"),
    [
        (seen(), "", []),
        (seen(), "ANY", [CodeNotFound]),
        (seen(code="SUMMER"), "SUMMER", []),
        (seen(code="SUMMER"), "", []),
        (seen(code="SUMMER"), "WINTER", [CodeNotFound]),
        (seen(has_batches=True), "", [InvalidRequest]),
        (seen(has_batches=True, code="SUMMER"), "", []),
        (seen(has_batches=True, codes={"ONE": None}), "ONE", []),
        (seen(has_batches=True, codes={"MINE": 7}), "MINE", []),
        (seen(has_batches=True, codes={"YOURS": 8}), "YOURS", [CodeNotFound]),
    ],
)
def test_a_code_that_is_sent_opens_it_and_codes_good_once_are_sent(
    it: CouponSnapshot, code: str, expected: list[type]
) -> None:
    assert refused(it, code=code) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, type(None)),
        ({"is_active": False}, CodeInactive),
        ({"at": END}, CodeExpired),
        ({"at": START - timedelta(seconds=1)}, CodeNotStarted),
        ({"left": 0}, CouponLimitReached),
        ({"user_left": 0}, CouponLimitPerCustomer),
        ({"left": 0, "user_left": 0, "at": END}, CodeExpired),
    ],
)
def test_why_a_code_offers_nothing_at_checkout(changes: dict[str, object], expected: type) -> None:
    asked = {"is_active": True, "start": START, "end": END, "left": None, "user_left": None, "at": START}

    assert type(rules.offer_error(**(asked | changes))) is expected  # type: ignore[arg-type]


@given(st.uuids(), st.uuids())
def test_the_id_within_a_checkout_is_as_old_as_it_and_a_uuid_of_version_7(redemption: uuid.UUID, of: uuid.UUID) -> None:
    made = rules.derive_redemption_id(redemption, of)

    assert made.version == 7
    assert made.int >> 80 == redemption.int >> 80
    assert made == rules.derive_redemption_id(redemption, of)
    assert made != rules.derive_redemption_id(redemption, uuid.UUID(int=of.int ^ 1))


@given(st.integers(1, 2_000_000_000), st.integers(1, 200), st.integers(1, 64))
def test_the_bound_is_what_all_processes_can_have_uncounted(cap: int, processes: int, threads: int) -> None:
    behind = rules.flush_size(cap=cap, processes=processes)

    assert 1 <= behind <= 64
    assert behind == 1 or behind * processes * 100 <= cap, "within a hundredth of the maximum"
    assert rules.max_overshoot(cap=cap, processes=processes, threads=threads) == processes * (behind - 1 + threads)


def test_the_worked_example_of_the_docs() -> None:
    assert rules.flush_size(cap=1_000, processes=2) == 5
    assert rules.max_overshoot(cap=1_000, processes=2, threads=16) == 40
    assert rules.max_overshoot(cap=100_000, processes=2, threads=16) == 158


@pytest.mark.parametrize(
    ("hours", "hour", "days_before", "may"),
    [
        ("", 12, 30, True),
        ("1-5", 12, 30, False),
        ("1-5", 4, 30, True),
        ("1-5", 5, 30, False),
        ("22-4", 23, 30, True),
        ("22-4", 3, 30, True),
        ("22-4", 4, 30, False),
        ("1-5", 12, 1, True),
    ],
)
def test_units_are_made_in_quiet_hours_unless_the_start_is_near(
    hours: str, hour: int, days_before: int, may: bool
) -> None:
    at = datetime(2027, 1, 1, hour, tzinfo=UTC)

    assert rules.is_pool_build_time(start=at + timedelta(days=days_before), at=at, hours=hours) is may


@pytest.mark.parametrize(
    ("maximum", "rush", "within_orders", "strategy"),
    [
        (None, 1_000_000, False, "exact"),
        (1_000, 0, False, "exact"),
        (50_000, 30_000, False, "exact"),
        (50_000, 50_000, False, "sharded"),
        (50_000, 50_000, True, "sharded"),
        (50_000, 6_000, True, "exact"),
        (50_000, 6_100, True, "sharded"),
        (1_000_000, 200_000, False, "pool"),
        (1_000_000, 200_000, True, "sharded"),
        (50_000, 200_000, False, "sharded"),
    ],
)
def test_the_strategy_that_is_advised(maximum: int | None, rush: int, within_orders: bool, strategy: str) -> None:
    advised, why = rules.advice(maximum=maximum, rush=rush, within_orders=within_orders)

    assert advised == strategy
    assert why.endswith(".")
