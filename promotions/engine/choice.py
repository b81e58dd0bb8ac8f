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

from promotions.engine.candidates import Candidate
from promotions.engine.play import Outcome, play, refs
from promotions.engine.prices import Prices

EXACT = 512
EXACT_WORK = 20_000
ROUNDS = 2
"""How often the bounded rule goes over all groups, as far as `WORK` lets it."""
WORK = 200_000
"""Offers played times lines, beyond what playing each offer once takes; about half a second."""


@dataclass(slots=True)
class Chosen:
    """The choice that was made, its outcome, and for each offer passed over the refs that stand in its way."""

    outcome: Outcome
    plan: list[Candidate]
    method: str = "exact"
    passed_over: dict[str, list[str]] = field(default_factory=dict)


def choose(fresh: Prices, candidates: Sequence[Candidate]) -> Chosen:
    """The best allowed choice among candidates that nothing stands against."""
    ordered = sorted(candidates, key=lambda each: each.rank)
    exclusive = [each for each in ordered if each.origin.offer.exclusive]
    for each in sorted(exclusive, key=lambda one: one.rank[1:]):
        alone = play(fresh, [each])
        if alone.gained:
            return passed(Chosen(alone, [each]), ordered)
    rest = [each for each in ordered if not each.origin.offer.exclusive]
    joint = [each for each in rest if each.origin.offer.combinable]
    best, plan, method = together(fresh, joint)
    for each in rest:
        if not each.origin.offer.combinable:
            alone = play(fresh, [each])
            if alone.worth > best.worth:
                best, plan = alone, [each]
    return passed(Chosen(best, plan, method), ordered)


def passed(chosen: Chosen, ordered: Sequence[Candidate]) -> Chosen:
    """Notes for every offer outside the plan what was given instead: its group's member, or all that was given."""
    inside = set(refs(chosen.plan))
    given = list(chosen.outcome.gained)
    groups = {each.origin.offer.group: each.origin.ref for each in chosen.plan if each.origin.offer.group is not None}
    for each in ordered:
        if each.origin.ref not in inside:
            rival = groups.get(each.origin.offer.group) if each.origin.offer.group is not None else None
            chosen.passed_over[each.origin.ref] = [rival] if rival in given else given
    return chosen


def beside(chosen: Chosen, each: Candidate) -> list[Candidate]:
    """What would be played if `each` came into the choice that was made: in place of its group's member, alone if it
    stands alone or if what was chosen does."""
    if stands_alone(each) or any(stands_alone(other) for other in chosen.plan):
        return [each]
    group = each.origin.offer.group
    return [other for other in chosen.plan if group is None or other.origin.offer.group != group] + [each]


def stands_alone(each: Candidate) -> bool:
    """Whether the offer is never given beside another."""
    return each.origin.offer.exclusive or not each.origin.offer.combinable


def together(fresh: Prices, joint: Sequence[Candidate]) -> tuple[Outcome, list[Candidate], str]:
    """The best way to give combinable offers together: which member of each group."""
    plain = [each for each in joint if each.origin.offer.group is None]
    groups: dict[str, list[Candidate]] = {}
    for each in joint:
        if each.origin.offer.group is not None:
            groups.setdefault(each.origin.offer.group, []).append(each)
    rivals = [members for members in groups.values() if len(members) > 1]
    plain += [members[0] for members in groups.values() if len(members) == 1]
    if not rivals:
        return play(fresh, plain), plain, "exact"
    if is_small(rivals, len(fresh.lines), len(plain) + len(rivals)):
        outcome, plan = best_of(fresh, (plain + list(members) for members in product(*rivals)))
        return outcome, plan, "exact"
    outcome, plan = one_by_one(fresh, plain, rivals)
    return outcome, plan, "bounded"


def is_small(rivals: Sequence[Sequence[Candidate]], lines: int, offers: int) -> bool:
    """Whether every choice, of so many offers each, can be played."""
    number = 1
    for members in rivals:
        number *= len(members)
        if number > EXACT or number * lines > EXACT_WORK or number * lines * offers > WORK:
            return False
    return True


def best_of(fresh: Prices, plans: Iterator[list[Candidate]]) -> tuple[Outcome, list[Candidate]]:
    """The best of some plans, the earlier of equals. There is at least one."""
    plan = next(plans)
    best = play(fresh, plan)
    for each in plans:
        outcome = play(fresh, each)
        if outcome.worth > best.worth:
            best, plan = outcome, each
    return best, plan


def one_by_one(
    fresh: Prices, plain: list[Candidate], rivals: Sequence[list[Candidate]]
) -> tuple[Outcome, list[Candidate]]:
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
            if outcome.worth > best.worth:
                best, plan = outcome, found
                kept = found[len(plain) :]
    return best, plan
