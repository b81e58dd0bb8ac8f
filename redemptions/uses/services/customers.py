"""Uses of customers who are merged into others."""

import uuid
from collections.abc import Collection

from redemptions.contracts import CustomerMove
from redemptions.limits import services as limits
from redemptions.limits.contracts import TakenLimit
from redemptions.limits.rules import is_per_customer
from redemptions.uses.models import OfferUse
from redemptions.uses.services.reservations import lock_uses


def move_customer(
    *, move: CustomerMove, redemptions: Collection[uuid.UUID], offers: Collection[uuid.UUID]
) -> None:  # fmt: skip
    """Make the uses of the source that of the target, with what they took of limits per customer, which add up."""
    source, target = str(move.source), str(move.target)
    uses = [use for use in lock_uses(redemptions=redemptions, offers=offers) if use.customer_id == move.source]
    taken: list[TakenLimit] = []
    for use in uses:
        own = [counter for counter in use.counters if is_per_customer(counter[0]) and counter[1] == source]
        taken += [TakenLimit(use.offer_id, *counter) for counter in own]
        use.counters = [
            [scope, target if [scope, slot, shard, amount] in own else slot, shard, amount]
            for scope, slot, shard, amount in use.counters
        ]
        use.customer_id = move.target
    limits.move(taken=taken, slot=target)
    if uses:
        OfferUse.objects.bulk_update(uses, ["customer", "counters"])
