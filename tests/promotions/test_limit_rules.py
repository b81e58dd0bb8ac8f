"""Rules of usage limits: shards."""

from hypothesis import given
from hypothesis import strategies as st

from redemptions.limits.rules import consolidate_shards, split_cap


@given(st.integers(1, 10**12))
def test_the_caps_of_the_shards_add_up_to_the_limit(cap: int) -> None:
    assert sum(split_cap(cap)) == cap


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=16), st.integers(1, 400))
def test_consolidation_keeps_the_cap_and_takes_the_amount(pairs: list[tuple[int, int]], amount: int) -> None:
    rows = [(shard, taken, taken + spare) for shard, (taken, spare) in enumerate(pairs)]

    consolidated = consolidate_shards(rows, amount=amount, home=3)

    if consolidated is None:
        assert sum(cap - taken for _, taken, cap in rows) < amount
    else:
        assert sum(cap for _, cap in consolidated.values()) == sum(cap for _, _, cap in rows)
        assert sum(taken for taken, _ in consolidated.values()) == sum(taken for _, taken, _ in rows) + amount
        assert all(0 <= taken <= cap for taken, cap in consolidated.values())
