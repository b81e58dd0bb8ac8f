"""Limits of orders: all of them are taken, or none, whichever strategies count the total limits among them.

Rows of limits are taken by one statement (``redemptions.limits.services``), then units of pools and approximate
counters, each by one more. The rules of locks are those of that module.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence

from django.db import transaction

from redemptions.limits import services
from redemptions.limits.contracts import LimitReached, LimitRequest, TakenLimit
from redemptions.limits.models import Strategy
from redemptions.limits.rules import TOTALS
from redemptions.limits.strategies import STRATEGIES, LimitStrategy

BY_SCOPE: dict[str, LimitStrategy] = {TOTALS[name]: STRATEGIES[name] for name in (Strategy.POOL, Strategy.APPROXIMATE)}


def take(
    *, requests: Sequence[LimitRequest], redemption: uuid.UUID, released: Sequence[TakenLimit] = ()
) -> list[TakenLimit]:
    """Take all requested amounts for a redemption, or none, as ``services.take`` does.

    Raises LimitReached, and Busy if the last units of a pool are locked, or not created yet.
    """
    scopes = [*(request.scope for request in requests), *(one.scope for one in released)]
    if not BY_SCOPE.keys() & scopes:
        return services.take(requests=requests, released=released)
    counted = [request for request in requests if request.scope not in BY_SCOPE]
    with transaction.atomic():  # undone if a limit is reached
        rows = services.take(requests=counted, released=_release_units(released))
        units = [_take_unit(request, redemption) for request in requests if request.scope in BY_SCOPE]
    return [*rows, *units]


def _take_unit(request: LimitRequest, redemption: uuid.UUID) -> TakenLimit:
    taken = BY_SCOPE[request.scope].take(owner=request.owner, cap=request.cap, ids=[redemption])
    if not taken:
        raise LimitReached(request)
    return TakenLimit(*request.key, taken[0], request.amount, request.offer, redemption)


def release(*, taken: Sequence[TakenLimit]) -> None:
    """Release taken amounts."""
    services.release(taken=_release_units(taken))


def _release_units(taken: Sequence[TakenLimit]) -> list[TakenLimit]:
    """Release what pools and approximate limits gave. Return the rest."""
    for one in taken:
        if one.scope in BY_SCOPE and one.amount:
            BY_SCOPE[one.scope].release(owner=one.owner, taken=[(one.shard, one.redemption or one.owner)])
    return [one for one in taken if one.scope not in BY_SCOPE]


def open_limit(*, owner: uuid.UUID, scope: str, cap: int, counted: Mapping[tuple[str, int], int]) -> None:
    """Set a limit that the owner didn't have. ``counted`` is what was used before, by slot and shard."""
    if scope in BY_SCOPE:
        BY_SCOPE[scope].open(owner=owner, cap=cap, used=sum(counted.values()))
    else:
        services.open_limit(owner=owner, scope=scope, cap=cap, counted=counted)


def close_limit(*, owner: uuid.UUID, scope: str) -> None:
    """Remove a limit. Releasing what was taken of it has no effect then."""
    if scope in BY_SCOPE:
        BY_SCOPE[scope].close(owner=owner)
    else:
        services.close_limit(owner=owner, scope=scope)


def resize(*, owner: uuid.UUID, scope: str, cap: int, count: Callable[[], int]) -> None:
    """Change the cap of a limit; ``count`` returns what redemptions have of it."""
    if scope in BY_SCOPE:
        BY_SCOPE[scope].resize(owner=owner, cap=cap, count=count)
    else:
        services.resize(owner=owner, scope=scope, cap=cap)
