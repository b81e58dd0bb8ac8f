"""Exact limit: one row, changed by one conditional update."""

import uuid
from collections.abc import Sequence
from typing import ClassVar

from core import db
from redemptions.limits.rules import EXACT_TOTAL
from redemptions.limits.strategies.counted import Counted


class Exact(Counted):
    """Limit by one row. Transactions wait for each other; a batch of redemptions waits once."""

    scope: ClassVar = EXACT_TOTAL
    late_unit: ClassVar = 0

    def take(self, *, owner: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]:
        params = {"owner": owner, "scope": self.scope, "wanted": len(ids)}
        row = db.fetch_one("redemptions/limits/sql/take_exact.sql", params)
        return [0] * int(row["got"]) if row else []
