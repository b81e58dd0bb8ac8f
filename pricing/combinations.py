"""Combinations of offers: which are allowed, and which one is best for the shopper.

Allowed combinations are:

* the exclusive offer of the highest priority that gives a discount, with those that combine with exclusive offers; if
  there is one, no other is considered;
* all combinable offers, with one member of each group;
* one offer that is not combinable, alone.

Every combination is evaluated and the largest discount wins; among equals the one with more gifts, then the earlier
one in the order above (and by lane, priority and age within it). If groups yield more than `MAX_COMBINATIONS`, more
than `MAX_EXACT_WORK` combinations times lines, or more than `MAX_WORK` of those times offers, the groups are decided
one after another and the method is "bounded". That work is limited too, so it grows as offers times lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from pricing.candidates import PreparedOffer
from pricing.evaluation import Outcome, evaluate, list_refs
from pricing.prices import Prices

MAX_COMBINATIONS = 512
MAX_EXACT_WORK = 20_000
MAX_ROUNDS = 2
"""Maximum number of passes of `improve_stepwise` over all groups."""
MAX_WORK = 200_000
"""Maximum number of evaluated offers times lines, besides evaluating each offer once; about half a second."""


@dataclass(slots=True)
class Combination:
    """Chosen combination and its outcome. `passed_over` maps each offer outside to the refs of the winning offers."""

    outcome: Outcome
    plan: list[PreparedOffer]
    method: str = "exact"
    passed_over: dict[str, list[str]] = field(default_factory=dict)


def choose_combination(fresh: Prices, candidates: Sequence[PreparedOffer]) -> Combination:
    """Return the best allowed combination of candidates that have no rejection."""
    ordered = sorted(candidates, key=lambda candidate: candidate.rank)
    exclusive = [candidate for candidate in ordered if candidate.origin.offer.exclusive]
    for candidate in sorted(exclusive, key=lambda offer: offer.rank[1:]):
        if evaluate(fresh, [candidate]).applied:
            companions = [other for other in ordered if accompanies(other, candidate)]
            outcome, plan, method = best_together(fresh, [candidate, *companions])
            return passed_over(Combination(outcome, plan, method), ordered)
    others = [candidate for candidate in ordered if not candidate.origin.offer.exclusive]
    combinable = [candidate for candidate in others if candidate.origin.offer.combinable]
    best, plan, method = best_together(fresh, combinable)
    for candidate in others:
        if not candidate.origin.offer.combinable:
            alone = evaluate(fresh, [candidate])
            if alone.sort_key > best.sort_key:
                best, plan = alone, [candidate]
    return passed_over(Combination(best, plan, method), ordered)


def passed_over(combination: Combination, ordered: Sequence[PreparedOffer]) -> Combination:
    """Record for every offer outside the plan what was applied instead: its group's member, or all applied offers."""
    included = set(list_refs(combination.plan))
    applied = list(combination.outcome.applied)
    groups = {
        candidate.origin.offer.group: candidate.origin.ref
        for candidate in combination.plan
        if candidate.origin.offer.group is not None
    }
    for candidate in ordered:
        if candidate.origin.ref not in included:
            winner = groups.get(candidate.origin.offer.group) if candidate.origin.offer.group is not None else None
            combination.passed_over[candidate.origin.ref] = [winner] if winner in applied else applied
    return combination


def with_offer(combination: Combination, candidate: PreparedOffer) -> list[PreparedOffer]:
    """Return the plan of the combination with `candidate` added.

    It replaces the member of its group. It is the whole plan if it or a member of the plan can't be combined.
    """
    if is_standalone(candidate) or any(is_standalone(member) for member in combination.plan):
        return [candidate]
    group = candidate.origin.offer.group
    return [member for member in combination.plan if group is None or member.origin.offer.group != group] + [candidate]


def accompanies(candidate: PreparedOffer, exclusive: PreparedOffer) -> bool:
    """Return whether an offer applies together with an exclusive one. Of a group, the exclusive one applies."""
    offer, group = candidate.origin.offer, exclusive.origin.offer.group
    return offer.with_exclusive and not is_standalone(candidate) and (group is None or offer.group != group)


def is_standalone(candidate: PreparedOffer) -> bool:
    """Return whether the offer is never combined with others."""
    return candidate.origin.offer.exclusive or not candidate.origin.offer.combinable


def best_together(fresh: Prices, combinable: Sequence[PreparedOffer]) -> tuple[Outcome, list[PreparedOffer], str]:
    """Return the best evaluation of combinable offers: which member of each group to apply."""
    fixed = [candidate for candidate in combinable if candidate.origin.offer.group is None]
    groups: dict[str, list[PreparedOffer]] = {}
    for candidate in combinable:
        if candidate.origin.offer.group is not None:
            groups.setdefault(candidate.origin.offer.group, []).append(candidate)
    rivals = [members for members in groups.values() if len(members) > 1]
    fixed += [members[0] for members in groups.values() if len(members) == 1]
    if not rivals:
        return evaluate(fresh, fixed), fixed, "exact"
    if can_evaluate_all(rivals, len(fresh.lines), len(fixed) + len(rivals)):
        outcome, plan = find_best(fresh, (fixed + list(members) for members in product(*rivals)))
        return outcome, plan, "exact"
    outcome, plan = improve_stepwise(fresh, fixed, rivals)
    return outcome, plan, "bounded"


def can_evaluate_all(rivals: Sequence[Sequence[PreparedOffer]], lines: int, offers: int) -> bool:
    """Return whether all combinations, of `offers` offers each, can be evaluated within the limits."""
    count = 1
    for members in rivals:
        count *= len(members)
        if count > MAX_COMBINATIONS or count * lines > MAX_EXACT_WORK or count * lines * offers > MAX_WORK:
            return False
    return True


def find_best(fresh: Prices, plans: Iterator[list[PreparedOffer]]) -> tuple[Outcome, list[PreparedOffer]]:
    """Return the best of at least one plan; the earlier of equal ones."""
    plan = next(plans)
    best = evaluate(fresh, plan)
    for candidate_plan in plans:
        outcome = evaluate(fresh, candidate_plan)
        if outcome.sort_key > best.sort_key:
            best, plan = outcome, candidate_plan
    return best, plan


def improve_stepwise(
    fresh: Prices, fixed: list[PreparedOffer], rivals: Sequence[list[PreparedOffer]]
) -> tuple[Outcome, list[PreparedOffer]]:
    """Decide the groups one after another, within `MAX_WORK`.

    Each group starts with the member that is best alone. Then each group in turn may change its member while the others
    keep theirs. The result is never worse than the start.
    """
    work_left = MAX_WORK
    selected = [find_best(fresh, ([member] for member in members))[1][0] for members in rivals]
    best, plan = find_best(fresh, iter([fixed + selected]))
    for _ in range(MAX_ROUNDS):
        for index, members in enumerate(rivals):
            work_left -= len(members) * len(plan) * len(fresh.lines)
            if work_left < 0:
                return best, plan
            plans = ([*fixed, *selected[:index], member, *selected[index + 1 :]] for member in members)
            outcome, best_plan = find_best(fresh, plans)
            if outcome.sort_key > best.sort_key:
                best, plan = outcome, best_plan
                selected = best_plan[len(fixed) :]
    return best, plan
