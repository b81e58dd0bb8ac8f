"""Time-ordered identifiers."""

import uuid
from datetime import UTC, datetime, timedelta

import time_machine
from hypothesis import given
from hypothesis import strategies as st

from core.ids import min_uuid7_at, uuid7, uuid7_datetime


def test_ids_are_version_7_of_rfc_9562() -> None:
    made = uuid7()

    assert made.version == 7
    assert made.variant == uuid.RFC_4122


@time_machine.travel("2027-03-17T15:30:00Z", tick=False)
def test_ids_contain_their_time_in_milliseconds() -> None:
    assert uuid7().int >> 80 == 1_805_297_400_000


def test_ids_sort_by_time_of_creation() -> None:
    with time_machine.travel("2027-03-17T15:30:00Z", tick=False) as clock:
        made = []
        for _ in range(200):
            made.append(uuid7())
            clock.shift(timedelta(milliseconds=1))

    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)


def test_ids_sort_by_creation_within_a_millisecond() -> None:
    with time_machine.travel("2027-03-17T15:30:00Z", tick=False) as clock:
        made = []
        for _ in range(999):
            made.append(uuid7())
            clock.shift(timedelta(microseconds=1))

    assert made == sorted(made)
    assert len({key.int >> 80 for key in made}) == 1


def test_ids_of_the_same_time_differ() -> None:
    with time_machine.travel("2027-03-17T15:30:00Z", tick=False):
        assert len({uuid7() for _ in range(10_000)}) == 10_000


def test_an_id_of_a_given_time_has_that_time_and_is_random() -> None:
    at = datetime(2024, 2, 29, 23, 59, 59, 999_000, tzinfo=UTC)

    made = {uuid7(at) for _ in range(100)}

    assert len(made) == 100
    assert {uuid7_datetime(key) for key in made} == {at}
    assert all(min_uuid7_at(at) <= key < min_uuid7_at(at + timedelta(milliseconds=1)) for key in made)
    assert {key.version for key in made} == {7}


def test_ids_of_given_times_sort_by_those_times() -> None:
    at = datetime(2024, 2, 29, 23, 59, 59, 999_000, tzinfo=UTC)
    instants = [at + timedelta(microseconds=place) for place in range(1000)]

    made = [uuid7(instant) for instant in instants]

    assert made == sorted(made)
    assert made[0].int >> 64 & 0xFFF == 0
    assert made[-1].int >> 64 & 0xFFF == 4091  # 999 * 4.096


@given(st.integers(0, 4 * 10**12))
def test_a_time_of_whole_milliseconds_is_exact(milliseconds: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)

    assert uuid7(at).int >> 80 == min_uuid7_at(at).int >> 80 == milliseconds
    assert uuid7_datetime(uuid7(at)) == at


def test_the_smallest_id_of_a_time_is_not_above_any_other() -> None:
    assert min_uuid7_at(datetime(1900, 1, 1, tzinfo=UTC)) == min_uuid7_at(datetime(1970, 1, 1, tzinfo=UTC)) <= uuid7()
