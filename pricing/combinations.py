"""Which offers may stand together, and which of the allowed choices is best for the shopper.

A choice is a set of offers that may be given together:

* the highest-priority exclusive offer that gives something, alone; if there is one, nothing else is looked at;
* all combinable offers, with one member of each group;
* one offer that is not combinable, alone.

Every choice is played, and the one that takes most off wins; of equals the one with more gifts, then the earlier one
in the order above (and by lane, priority and age within it). Only when groups make more choices than `EXACT` (or
more than `EXACT_WORK` choices times lines, or more than `WORK` of those times offers) are the groups settled one after
another, and the answer says "bounded". What that may take is counted too, so that however many offers there are, the
work grows as offers times lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from pricing.candidates import PreparedOffer
from pricing.evaluation import Outcome, evaluate, refs
from pricing.prices import Prices

EXACT = 512
EXACT_WORK = 20_000
ROUNDS = 2
"""How often the bounded rule goes over all groups, as far as `WORK` lets it."""
WORK = 200_000
"""Offers played times lines, beyond what playing each offer once takes; about half a second."""


@dataclass(slots=True)
class Combination:
    """The choice that was made, its outcome, and for each offer passed over the refs that stand in its way."""

    outcome: Outcome
    plan: list[PreparedOffer]
    method: str = "exact"
    passed_over: dict[str, list[str]] = field(default_factory=dict)


def choose(fresh: Prices, candidates: Sequence[PreparedOffer]) -> Combination:
    """The best allowed choice among candidates that nothing stands against."""
    ordered = sorted(candidates, key=lambda each: each.rank)
    exclusive = [each for each in ordered if each.origin.offer.exclusive]
    for each in sorted(exclusive, key=lambda one: one.rank[1:]):
        alone = evaluate(fresh, [each])
        if alone.gained:
            return passed_over(Combination(alone, [each]), ordered)
    rest = [each for each in ordered if not each.origin.offer.exclusive]
    joint = [each for each in rest if each.origin.offer.combinable]
    best, plan, method = best_together(fresh, joint)
    for each in rest:
        if not each.origin.offer.combinable:
            alone = evaluate(fresh, [each])
            if alone.sort_key > best.sort_key:
                best, plan = alone, [each]
    return passed_over(Combination(best, plan, method), ordered)


def passed_over(chosen: Combination, ordered: Sequence[PreparedOffer]) -> Combination:
    """Notes for every offer outside the plan what was given instead: its group's member, or all that was given."""
    inside = set(refs(chosen.plan))
    given = list(chosen.outcome.gained)
    groups = {each.origin.offer.group: each.origin.ref for each in chosen.plan if each.origin.offer.group is not None}
    for each in ordered:
        if each.origin.ref not in inside:
            rival = groups.get(each.origin.offer.group) if each.origin.offer.group is not None else None
            chosen.passed_over[each.origin.ref] = [rival] if rival in given else given
    return chosen


def with_offer(chosen: Combination, each: PreparedOffer) -> list[PreparedOffer]:
    """What would be played if `each` came into the choice that was made: in place of its group's member, alone if it
    stands alone or if what was chosen does."""
    if is_standalone(each) or any(is_standalone(other) for other in chosen.plan):
        return [each]
    group = each.origin.offer.group
    return [other for other in chosen.plan if group is None or other.origin.offer.group != group] + [each]


def is_standalone(each: PreparedOffer) -> bool:
    """Whether the offer is never given beside another."""
    return each.origin.offer.exclusive or not each.origin.offer.combinable


def best_together(fresh: Prices, joint: Sequence[PreparedOffer]) -> tuple[Outcome, list[PreparedOffer], str]:
    """The best way to give combinable offers together: which member of each group."""
    plain = [each for each in joint if each.origin.offer.group is None]
    groups: dict[str, list[PreparedOffer]] = {}
    for each in joint:
        if each.origin.offer.group is not None:
            groups.setdefault(each.origin.offer.group, []).append(each)
    rivals = [members for members in groups.values() if len(members) > 1]
    plain += [members[0] for members in groups.values() if len(members) == 1]
    if not rivals:
        return evaluate(fresh, plain), plain, "exact"
    if is_small(rivals, len(fresh.lines), len(plain) + len(rivals)):
        outcome, plan = best_of(fresh, (plain + list(members) for members in product(*rivals)))
        return outcome, plan, "exact"
    outcome, plan = improve_stepwise(fresh, plain, rivals)
    return outcome, plan, "bounded"


def is_small(rivals: Sequence[Sequence[PreparedOffer]], lines: int, offers: int) -> bool:
    """Whether every choice, of so many offers each, can be played."""
    number = 1
    for members in rivals:
        number *= len(members)
        if number > EXACT or number * lines > EXACT_WORK or number * lines * offers > WORK:
            return False
    return True


def best_of(fresh: Prices, plans: Iterator[list[PreparedOffer]]) -> tuple[Outcome, list[PreparedOffer]]:
    """The best of some plans, the earlier of equals. There is at least one."""
    plan = next(plans)
    best = evaluate(fresh, plan)
    for each in plans:
        outcome = evaluate(fresh, each)
        if outcome.sort_key > best.sort_key:
            best, plan = outcome, each
    return best, plan


def improve_stepwise(
    fresh: Prices, plain: list[PreparedOffer], rivals: Sequence[list[PreparedOffer]]
) -> tuple[Outcome, list[PreparedOffer]]:
    """The bounded rule: each group begins with the member that is best alone, then each in turn may change it while
    the other groups stand, until `WORK` is used up. Never worse than that beginning."""
    left = WORK
    kept = [best_of(fresh, ([member] for member in members))[1][0] for members in rivals]
    best, plan = best_of(fresh, iter([plain + kept]))
    for _ in range(ROUNDS):
        for index, members in enumerate(rivals):
            left -= len(members) * len(plan) * len(fresh.lines)
            if left < 0:
                return best, plan
            plans = ([*plain, *kept[:index], member, *kept[index + 1 :]] for member in members)
            outcome, found = best_of(fresh, plans)
            if outcome.sort_key > best.sort_key:
                best, plan = outcome, found
                kept = found[len(plain) :]
    return best, plan
