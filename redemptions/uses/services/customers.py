"""Uses of customers who are merged into others, or erased."""

import secrets
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping

from redemptions.contracts import CustomerMove
from redemptions.limits import services as limits
from redemptions.limits.contracts import TakenLimit
from redemptions.limits.models import Limit
from redemptions.limits.rules import is_per_customer
from redemptions.uses.models import OfferUse
from redemptions.uses.services.reservations import lock_uses, select_uses


def move_customer(
    *, move: CustomerMove, redemptions: Collection[uuid.UUID], offers: Collection[uuid.UUID]
) -> None:  # fmt: skip
    """Make the uses of the source that of the target, with what they took of limits per customer, which add up."""
    source, target = str(move.source), str(move.target)
    uses = [use for use in _lock_uses(redemptions, offers) if use.customer_id == move.source]
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


def erase_identities(
    *, redemptions: Collection[uuid.UUID], offers: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, Mapping[str, str]]:
    """Put random slots in the place of the identities of uses, with what they took of limits, which stays taken.

    Return the new slots by redemption and former slot. Deletes the rows of identities of which nothing is taken. Limits
    of others with the same identity count what is theirs.
    """
    uses = [use for use in _lock_uses(redemptions, offers) if use.identities]
    slots: dict[tuple[int, str], str] = {}
    taken: dict[str, list[TakenLimit]] = defaultdict(list)
    replaced: dict[uuid.UUID, dict[str, str]] = defaultdict(dict)
    for use in uses:
        new = {slot: slots.setdefault((use.customer_id, slot), _random_slot()) for slot in use.identities}
        for counter in use.counters:
            if is_per_customer(counter[0]) and counter[1] in new:
                taken[new[counter[1]]].append(TakenLimit(use.offer_id, *counter))
        use.counters = [[scope, new.get(slot, slot), *amount] for scope, slot, *amount in use.counters]
        use.identities = list(new.values())
        replaced[use.redemption_id] |= new
    for slot, counters in taken.items():
        limits.move(taken=counters, slot=slot)
    OfferUse.objects.bulk_update(uses, ["identities", "counters"])
    Limit.objects.filter(owner__in=offers, taken=0, slot__contains=":").delete()
    return replaced


def forget_customer(*, customers: Collection[int], offers: Collection[uuid.UUID]) -> None:
    """Delete the rows of limits of customers of which nothing is taken."""
    Limit.objects.filter(owner__in=offers, taken=0, slot__in=map(str, customers)).delete()


def _lock_uses(redemptions: Collection[uuid.UUID], offers: Collection[uuid.UUID]) -> list[OfferUse]:
    """Lock the offers that have uses by redemptions, then the uses. Takes one statement if there are none."""
    used = list(select_uses(redemptions, offers).order_by().values_list("kind", "offer_id"))
    return lock_uses(redemptions=redemptions, offers=used) if used else []


def _random_slot() -> str:
    return f"erased:{secrets.token_hex(16)}"
