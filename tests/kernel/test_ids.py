"""Identifiers in the order of their birth."""

import uuid
from datetime import timedelta

import time_machine

from promoplatform.kernel.ids import uuid7


def test_ids_are_version_7_of_rfc_9562() -> None:
    made = uuid7()

    assert made.version == 7
    assert made.variant == uuid.RFC_4122


@time_machine.travel("2027-03-17T15:30:00Z", tick=False)
def test_ids_carry_their_time_in_milliseconds() -> None:
    assert uuid7().int >> 80 == 1_805_297_400_000


def test_ids_sort_by_the_time_of_their_birth() -> None:
    with time_machine.travel("2027-03-17T15:30:00Z", tick=False) as clock:
        made = []
        for _ in range(200):
            made.append(uuid7())
            clock.shift(timedelta(milliseconds=1))

    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)


def test_ids_of_the_same_millisecond_differ() -> None:
    with time_machine.travel("2027-03-17T15:30:00Z", tick=False):
        assert len({uuid7() for _ in range(10_000)}) == 10_000
