"""Reads of the usage of limits."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence

from core import db
from redemptions.limits import rules
from redemptions.limits.contracts import Key
from redemptions.limits.models import Limit


def get_taken(*, owners: Collection[uuid.UUID], slots: Sequence[tuple[str, str]]) -> dict[Key, int]:
    """Return what is taken of limits of the owners, for pairs of scope and slot. A limit without usage is absent."""
    if not owners:
        return {}
    params = {
        "owners": list(owners), "scopes": [scope for scope, _ in slots], "slots": [slot for _, slot in slots],
    }  # fmt: skip
    rows = db.fetch_all("redemptions/limits/sql/sum_limits.sql", params)
    return {(row["owner"], row["scope"], row["slot"]): row["taken"] for row in rows}


def get_shards(*, owner: uuid.UUID, scope: str) -> dict[int, tuple[int, int]]:
    """Return the rows of a limit with one slot, without locking them: taken and cap by shard."""
    rows = Limit.objects.filter(owner=owner, scope=scope, slot="").order_by()
    return {shard: (taken, cap) for shard, taken, cap in rows.values_list("shard", "taken", "cap")}


def find_wrong_caps(*, owner: uuid.UUID, caps: Mapping[str, int]) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield each limit (scope and slot) of an owner whose shards don't add up to its cap, with their sum.

    ``caps`` are the declared caps by scope. Limits per customer and balances take theirs from the next request.
    """
    rows = (
        Limit.objects.filter(owner=owner)
        .order_by("scope", "slot", "shard")
        .values_list("scope", "slot", "shard", "cap")
    )
    sums: dict[tuple[str, str], dict[int, int]] = {}
    for scope, slot, shard, cap in rows.iterator():
        if not rules.is_single_row(scope) and scope != rules.APPROXIMATE_TOTAL:  # whose cap allows for its overshoot
            sums.setdefault((scope, slot), {})[shard] = cap
    for (scope, slot), by_shard in sums.items():
        declared = caps.get(scope)
        excess = by_shard.pop(rules.EXCESS_SHARD, 0)
        shares = dict(enumerate(rules.split_limit(scope, declared))) if declared is not None else {}
        total = sum((shares | by_shard).values()) - excess
        if total != declared:
            yield (scope, slot), total
