"""Rules of usage limits: shards."""

from hypothesis import given
from hypothesis import strategies as st

from redemptions.limits.rules import (
    EXCESS_SHARD,
    capacity_left,
    choose_shards,
    consolidate_shards,
    split_cap,
    spread_cap,
)

STATES = st.dictionaries(
    st.integers(0, 15), st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda p: (p[0], sum(p))), min_size=1
)


@given(st.integers(1, 10**12))
def test_the_caps_of_the_shards_add_up_to_the_limit(cap: int) -> None:
    assert sum(split_cap(cap)) == cap


@given(STATES, st.integers(1, 400))
def test_consolidation_keeps_the_cap_and_takes_the_amount(rows: dict[int, tuple[int, int]], amount: int) -> None:
    consolidated = consolidate_shards(rows, amount=amount, home=3)

    if consolidated is None:
        assert sum(cap - taken for taken, cap in rows.values()) < amount
    else:
        shard, state = consolidated
        assert state[shard][0] == rows[shard][0] + amount
        assert sum(cap for _, cap in state.values()) == sum(cap for _, cap in rows.values())
        assert sum(taken for taken, _ in state.values()) == sum(taken for taken, _ in rows.values()) + amount
        assert all(0 <= taken <= cap for taken, cap in state.values())


@given(STATES, st.integers(1, 2_000))
def test_a_new_cap_is_what_the_shards_add_up_to_with_their_excess(rows: dict[int, tuple[int, int]], cap: int) -> None:
    state = spread_cap("total", rows, cap=cap)
    _, excess = state.pop(EXCESS_SHARD, (0, 0))

    assert sum(high for _, high in state.values()) - excess == cap
    assert {shard: taken for shard, (taken, _) in state.items() if taken or shard in rows} == {
        shard: taken for shard, (taken, _) in rows.items()
    }
    assert excess == max(0, sum(taken for taken, _ in rows.values()) - cap)
    assert all(taken <= high for taken, high in state.values())


def test_a_missing_shard_has_its_share_left() -> None:
    assert capacity_left("total", 160, {3: (4, 10), EXCESS_SHARD: (0, 7)}) == dict.fromkeys(range(16), 10) | {3: 6}
    assert capacity_left("customer", 2, {0: (3, 5)}) == {0: -1}


def test_each_request_gets_its_home_or_the_fullest_shard() -> None:
    assert choose_shards([(5, 0), (5, 0), (5, 0)], {0: 9, 1: 5, 2: 6}) == [0, 2, 1]
    assert choose_shards([(7, 0)], {0: 6, 1: 6}) is None
