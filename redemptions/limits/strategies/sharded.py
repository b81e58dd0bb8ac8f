"""Sharded limit: sixteen rows. A redemption skips locked shards, and can still take the last unit of any shard."""

import uuid
from collections.abc import Sequence
from typing import Any, ClassVar

from core import db
from redemptions.limits.rules import LATE_SHARD, SHARDS, TOTAL, capacity_left
from redemptions.limits.selectors import get_shards
from redemptions.limits.strategies.counted import Counted


class Sharded(Counted):
    """Limit by several rows. A redemption starts at a random shard and waits only if no unlocked one has units."""

    scope: ClassVar = TOTAL
    late_unit: ClassVar = LATE_SHARD

    def take(self, *, owner: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]:
        params = {"owner": owner, "scope": self.scope, "home": ids[0].int % SHARDS, "wanted": len(ids)}
        row = db.try_fetch_one("redemptions/limits/sql/take_shard.sql", params) or self._take_blocking(cap, params)
        return [row["shard"]] * int(row["got"]) if row else []

    def _take_blocking(self, cap: int, params: dict[str, Any]) -> db.Row | None:
        """Wait for a locked shard with capacity and take from it. Return None if no shard has capacity."""
        while True:
            row = db.try_fetch_one("redemptions/limits/sql/take_shard_blocking.sql", params)
            if row is not None:
                return row
            shards = get_shards(owner=params["owner"], scope=self.scope)  # without a lock, so rejecting is cheap
            if not any(left > 0 for left in capacity_left(self.scope, cap, shards).values()):
                return None
