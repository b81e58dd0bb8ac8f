"""Why offers are not given, what is only a little away, and the whole story for those who ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pricing.candidates import PreparedOffer, Reason
from pricing.combinations import WORK, Combination, with_offer
from pricing.conditions import Verdict
from pricing.evaluation import NOTHING, evaluate
from pricing.prices import Prices
from pricing.shortfall import shortfall
from pricing.values import Explanation, NextBest, Rejected

CUMULATIVE_CONDITIONS = frozenset({"min_subtotal", "min_quantity", "min_line_quantity", "contains"})
"""The conditions that putting more into the cart can meet."""


def rejections(fresh: Prices, candidates: Sequence[PreparedOffer], chosen: Combination) -> dict[str, Rejected]:
    """For every offer that is not given, the one reason."""
    found: dict[str, Rejected] = {}
    for each in candidates:
        ref = each.origin.ref
        if ref not in chosen.outcome.gained:
            reason = each.rejection or chosen.outcome.rejected.get(ref) or outranked(fresh, each, chosen)
            if reason is NOTHING:
                reason = shortfall(each.origin.offer, each.scene) or NOTHING
            found[ref] = Rejected(ref, reason.code, reason.detail, dict(reason.members))
    return found


def outranked(fresh: Prices, each: PreparedOffer, chosen: Combination) -> Reason:
    """Why an offer outside the choice is not given: it would have given nothing, or others stand in its way."""
    ref = each.origin.ref
    alone = evaluate(fresh, [each])
    if ref in alone.rejected:
        return alone.rejected[ref]
    rivals = chosen.passed_over.get(ref, [])
    return Reason("not_combinable", "This offer cannot be combined with what is given.", {"with": rivals})


def next_best(fresh: Prices, candidates: Sequence[PreparedOffer], chosen: Combination) -> tuple[NextBest, ...]:
    """Offers that only more in the cart is needed for, and with which less would be paid; the largest first.

    The amount is what the offer would take off the cart as it stands, beside what is given already. Of very many only
    the first, by lane, priority and age, are looked at: as many as `WORK` lets.
    """
    found: list[NextBest] = []
    final = any(each.origin.offer.exclusive for each in chosen.plan)
    left = WORK
    for each in sorted(candidates, key=lambda one: one.rank):
        missing = None if final else gaps(each)
        if missing is None:
            continue
        waived = PreparedOffer(each.origin, each.rank, each.scene, [], each.profile, each.benefits)
        plan = with_offer(chosen, waived)
        left -= len(plan) * len(fresh.lines)
        if left < 0:
            break
        outcome = evaluate(fresh, plan)
        gained = outcome.gained.get(each.origin.ref)
        if gained is not None and outcome.sort_key > chosen.outcome.sort_key:
            found.append(NextBest(each.origin.ref, missing, gained.amount))
    return tuple(sorted(found, key=lambda one: (-one.amount, one.ref)))


def gaps(each: PreparedOffer) -> dict[str, object] | None:
    """What is missing, when that is all that stands against an offer: the largest gap of each sort."""
    if each.rejection is None or each.rejection.code != "minimum_not_met":
        return None
    missing: dict[str, object] = {}
    for verdict in each.verdicts:
        if isinstance(verdict, Verdict) and verdict.code is not None:
            if verdict.checked.kind not in CUMULATIVE_CONDITIONS:
                return None
            keep_larger(missing, verdict.members)
    return missing


def keep_larger(missing: dict[str, object], members: Mapping[str, object]) -> None:
    """Adds a verdict's gap, keeping the larger of two of a sort."""
    if "missing" in members:
        amount = str(members["missing"])
        known = str(missing.get("amount", ""))
        missing["amount"] = max(known, amount, key=lambda text: (len(text), text))
    units, known_units = members.get("missing_quantity"), missing.get("quantity", 0)
    if isinstance(units, int) and isinstance(known_units, int):
        missing["quantity"] = max(known_units, units)


def explanations(
    fresh: Prices, candidates: Sequence[PreparedOffer], rejected: Mapping[str, Rejected], chosen: Combination
) -> tuple[Explanation, ...]:
    """For every offer each condition, what it needed, what it saw, and what became of the offer."""
    played = [each for each in candidates if each.origin.ref in chosen.outcome.gained | chosen.outcome.rejected]
    checked = evaluate(fresh, played, explain=True).checked
    told: list[Explanation] = []
    for each in candidates:
        ref = each.origin.ref
        refused = rejected.get(ref)
        told.append(
            Explanation(
                ref,
                tuple(checked.get(ref) or each.judged(fresh)),
                refused.code if refused else "applied",
                refused.detail if refused else "Given.",
                chosen.outcome.gained[ref].amount if ref in chosen.outcome.gained else 0,
            )
        )
    return tuple(told)
