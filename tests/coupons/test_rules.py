"""Rules of coupons."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidRequest, TokenInvalid
from coupons import rules
from coupons.admin import presenters
from coupons.contracts import CouponSnapshot, RedemptionRequest
from coupons.errors import CouponEnded, CouponLimitPerCustomer, CouponLimitReached, CouponNotStarted
from redemptions.codes.contracts import RestrictedCode
from redemptions.contracts import LimitedOffer
from redemptions.errors import CodeExpired, CodeInactive, CodeNotFound, CodeNotStarted
from redemptions.limits import rules as limit_rules

START = datetime(2027, 3, 1, tzinfo=UTC)
END = datetime(2027, 4, 1, tzinfo=UTC)
COUPON = uuid.UUID("00000000-0000-7000-8000-000000000001")


def build_snapshot(**changes: object) -> CouponSnapshot:
    fields = {
        "id": COUPON, "brand_id": uuid.UUID(int=1), "decision": "published", "brand_is_active": True,
        "start_date": START, "end_date": END,
        "strategy": "exact", "maximum": None, "maximum_per_user": None,
        "code": None, "has_batches": False, "has_conditions": False, "counts": {}, "codes": {},
        "inactive_users": frozenset(), "limits": LimitedOffer("coupon", COUPON, uuid.UUID(int=1), "UTC", {}, {}),
    }  # fmt: skip
    return CouponSnapshot(**(fields | changes))  # type: ignore[arg-type]


def build_code(**changes: Any) -> RestrictedCode:
    fields = {"text": "ONE", "customer": None, "single_use": True, "expires_at": None, "revoked_at": None}
    return RestrictedCode(**fields | changes)


ANYONE = build_code()


def list_error_types(snapshot: CouponSnapshot, at: datetime = START, code: str = "") -> list[type]:
    request = RedemptionRequest(COUPON, 7, code)
    return [type(error) for error in rules.list_errors(snapshot=snapshot, request=request, at=at)]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (START - timedelta(microseconds=1), [CouponNotStarted]),
        (START, []),
        (END - timedelta(microseconds=1), []),
        (END, [CouponEnded]),
    ],
)
def test_a_coupon_is_active_from_its_start_to_just_before_its_end(at: datetime, expected: list[type]) -> None:
    assert list_error_types(build_snapshot(), at) == expected


@pytest.mark.parametrize("changes", [{"decision": "paused"}, {"decision": "draft"}, {"brand_is_active": False}])
def test_a_paused_coupon_has_not_ended(changes: dict[str, object]) -> None:
    assert list_error_types(build_snapshot(**changes)) == [CodeInactive]


def test_every_error_is_listed_most_permanent_first() -> None:
    snapshot = build_snapshot(
        decision="ended", maximum_per_user=2, counts={7: 2}, inactive_users=frozenset({7}), has_batches=True
    )

    assert list_error_types(snapshot) == [TokenInvalid, CouponEnded, InvalidRequest, CouponLimitPerCustomer]


@pytest.mark.parametrize(
    ("snapshot", "code", "expected"),
    [
        (build_snapshot(), "", []),
        (build_snapshot(), "ANY", [CodeNotFound]),
        (build_snapshot(code="SUMMER", codes={"SUMMER": ANYONE}), "sum-mer", []),
        (build_snapshot(code="SUMMER"), "", [InvalidRequest]),
        (build_snapshot(code="SUMMER"), "WINTER", [CodeNotFound]),
        (build_snapshot(has_batches=True), "", [InvalidRequest]),
        (build_snapshot(has_batches=True, code="SUMMER"), "", [InvalidRequest]),
        (build_snapshot(has_batches=True, code="SUMMER", codes={"ONE": ANYONE}), "one", []),
        (build_snapshot(has_batches=True, codes={"ONE": ANYONE}), "one", []),
        (build_snapshot(has_batches=True, codes={"MINE": build_code(customer=7)}), "MINE", []),
        (build_snapshot(has_batches=True, codes={"YOURS": build_code(customer=8)}), "YOURS", [CodeNotFound]),
        (build_snapshot(codes={"LEAKED": build_code(revoked_at=START)}), "LEAKED", [CodeInactive]),
        (build_snapshot(codes={"OVER": build_code(expires_at=START)}), "OVER", [CodeExpired]),
    ],
)
def test_a_code_must_belong_to_the_coupon_and_is_required_if_the_coupon_has_codes(
    snapshot: CouponSnapshot, code: str, expected: list[type]
) -> None:
    assert list_error_types(snapshot, code=code) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, type(None)),
        ({"status": "paused"}, CodeInactive),
        ({"status": "ended"}, CodeExpired),
        ({"status": "scheduled"}, CodeNotStarted),
        ({"remaining": 0}, CouponLimitReached),
        ({"remaining_for_customer": 0}, CouponLimitPerCustomer),
        ({"remaining": 0, "remaining_for_customer": 0, "status": "ended"}, CodeExpired),
    ],
)
def test_the_most_permanent_error_rejects_a_code_at_checkout(changes: dict[str, object], expected: type) -> None:
    fields = {"status": "active", "remaining": None, "remaining_for_customer": None}

    assert type(rules.offer_error(**(fields | changes))) is expected  # type: ignore[arg-type]


@given(st.uuids(), st.uuids())
def test_the_derived_id_is_a_uuid7_with_the_time_of_the_checkout_redemption(
    redemption: uuid.UUID, coupon: uuid.UUID
) -> None:
    redemption_id = rules.derive_redemption_id(redemption, coupon)

    assert redemption_id.version == 7
    assert redemption_id.int >> 80 == redemption.int >> 80
    assert redemption_id == rules.derive_redemption_id(redemption, coupon)
    assert redemption_id != rules.derive_redemption_id(redemption, uuid.UUID(int=coupon.int ^ 1))


@given(st.integers(1, 2_000_000_000), st.integers(1, 200), st.integers(1, 64))
def test_the_largest_overshoot_is_what_all_processes_can_leave_uncounted(
    cap: int, processes: int, threads: int
) -> None:
    flush_size = limit_rules.flush_size(cap=cap, processes=processes)

    assert 1 <= flush_size <= 64
    assert flush_size == 1 or flush_size * processes * 100 <= cap, "within a hundredth of the limit"
    assert limit_rules.max_overshoot(cap=cap, processes=processes, threads=threads) == processes * (
        flush_size - 1 + threads
    )


def test_the_example_in_the_documentation_is_correct() -> None:
    assert limit_rules.flush_size(cap=1_000, processes=2) == 5
    assert limit_rules.max_overshoot(cap=1_000, processes=2, threads=16) == 40
    assert limit_rules.max_overshoot(cap=100_000, processes=2, threads=16) == 158


@pytest.mark.parametrize(
    ("hours", "hour", "days_before", "expected"),
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
def test_units_are_created_in_quiet_hours_or_if_the_start_is_near(
    hours: str, hour: int, days_before: int, expected: bool
) -> None:
    at = datetime(2027, 1, 1, hour, tzinfo=UTC)

    assert limit_rules.is_pool_build_time(start=at + timedelta(days=days_before), at=at, hours=hours) is expected


@pytest.mark.parametrize(
    ("maximum", "expected_redemptions", "at_checkout", "strategy", "reason"),
    [
        (None, 1_000_000, False, "exact", rules.Reason.NO_LIMIT),
        (1_000, 0, False, "exact", rules.Reason.SINGLE_COUNTER),
        (50_000, 30_000, False, "exact", rules.Reason.SINGLE_COUNTER),
        (50_000, 50_000, False, "sharded", rules.Reason.PARALLEL_COUNTERS),
        (50_000, 50_000, True, "sharded", rules.Reason.BUSY_CHECKOUT),
        (50_000, 6_000, True, "exact", rules.Reason.SINGLE_COUNTER),
        (50_000, 6_100, True, "sharded", rules.Reason.BUSY_CHECKOUT),
        (1_000_000, 200_000, False, "pool", rules.Reason.PARALLEL_UNITS),
        (1_000_000, 200_000, True, "sharded", rules.Reason.BUSY_CHECKOUT),
        (50_000, 200_000, False, "sharded", rules.Reason.PARALLEL_COUNTERS),
    ],
)
def test_the_recommended_strategy(
    maximum: int | None, expected_redemptions: int, at_checkout: bool, strategy: str, reason: rules.Reason
) -> None:
    recommendation = rules.recommend_strategy(
        maximum=maximum, expected_redemptions=expected_redemptions, at_checkout=at_checkout
    )

    assert recommendation == (strategy, reason)


def test_every_reason_has_a_text() -> None:
    assert presenters.REASONS.keys() == set(rules.Reason)
