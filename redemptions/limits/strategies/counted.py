"""What the strategies that count in rows of the limit share."""

import uuid
from collections.abc import Callable, Sequence
from typing import ClassVar

from redemptions.limits import services
from redemptions.limits.contracts import TakenLimit
from redemptions.limits.models import Limit
from redemptions.limits.rules import spread_cap


class Counted:
    """Limit by one row or several, whose caps add up to it."""

    scope: ClassVar[str]
    late_unit: ClassVar[int]

    def open(self, *, owner: uuid.UUID, cap: int, used: int = 0) -> None:
        rows = spread_cap(self.scope, {self.late_unit: (used, used)} if used else {}, cap=cap)
        Limit.objects.bulk_create(
            [
                Limit(owner=owner, scope=self.scope, slot="", shard=shard, taken=taken, cap=share)
                for shard, (taken, share) in rows.items()
            ]
        )

    def release(self, *, owner: uuid.UUID, taken: Sequence[tuple[int, uuid.UUID]]) -> None:
        services.release(taken=[TakenLimit(owner, self.scope, "", shard, 1) for shard, _ in taken])

    def resize(self, *, owner: uuid.UUID, cap: int, count: Callable[[], int]) -> None:
        services.resize(owner=owner, scope=self.scope, cap=cap)

    def close(self, *, owner: uuid.UUID) -> None:
        services.close_limit(owner=owner, scope=self.scope)
