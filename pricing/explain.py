"""Explanations: why offers are rejected, which offers nearly apply, and the result of every condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.messages import message as _
from pricing.candidates import PreparedOffer, Reason
from pricing.combinations import MAX_WORK, Combination, with_offer
from pricing.condition_contexts import ConditionResult
from pricing.evaluation import NO_ELIGIBLE_LINES, evaluate
from pricing.prices import Prices
from pricing.shortfall import find_shortfall
from pricing.values import Explanation, NextBest, Rejected

CUMULATIVE_CONDITIONS = frozenset({"min_subtotal", "min_quantity", "min_line_quantity", "contains"})
"""Conditions that a larger cart can meet."""


def list_rejections(
    fresh: Prices, candidates: Sequence[PreparedOffer], combination: Combination
) -> dict[str, Rejected]:
    """Return the reason for every offer that is not applied."""
    rejections: dict[str, Rejected] = {}
    for candidate in candidates:
        ref = candidate.origin.ref
        if ref not in combination.outcome.applied:
            reason = (
                candidate.rejection or combination.outcome.rejected.get(ref) or outranked(fresh, candidate, combination)
            )
            if reason is NO_ELIGIBLE_LINES:
                reason = find_shortfall(candidate.origin.offer, candidate.context) or NO_ELIGIBLE_LINES
            rejections[ref] = Rejected(ref, reason.code, reason.detail, dict(reason.members))
    return rejections


def outranked(fresh: Prices, candidate: PreparedOffer, combination: Combination) -> Reason:
    """Return why an offer outside the combination is not applied: it gives nothing, or other offers win."""
    ref = candidate.origin.ref
    alone = evaluate(fresh, [candidate])
    if ref in alone.rejected:
        return alone.rejected[ref]
    winners = combination.passed_over.get(ref, [])
    return Reason(
        "not_combinable", _("This offer can't be combined with a better one that applies."), {"with": winners}
    )


def find_next_best(
    fresh: Prices, candidates: Sequence[PreparedOffer], combination: Combination
) -> tuple[NextBest, ...]:
    """Return the offers that a larger cart would get and that would lower its price, the largest discount first.

    The amount is the discount that the offer would give on the present cart, with the applied offers. Offers are
    checked by lane, priority and age, as many as `MAX_WORK` allows.
    """
    offers: list[NextBest] = []
    has_exclusive = any(candidate.origin.offer.exclusive for candidate in combination.plan)
    work_left = MAX_WORK
    for candidate in sorted(candidates, key=lambda offer: offer.rank):
        missing = None if has_exclusive else find_missing(candidate)
        if missing is None:
            continue
        unconditional = PreparedOffer(
            candidate.origin, candidate.rank, candidate.context, [], candidate.profile, candidate.benefits
        )
        plan = with_offer(combination, unconditional)
        work_left -= len(plan) * len(fresh.lines)
        if work_left < 0:
            break
        outcome = evaluate(fresh, plan)
        discount = outcome.applied.get(candidate.origin.ref)
        if discount is not None and outcome.sort_key > combination.outcome.sort_key:
            offers.append(NextBest(candidate.origin.ref, missing, discount.amount))
    return tuple(sorted(offers, key=lambda offer: (-offer.amount, offer.ref)))


def find_missing(candidate: PreparedOffer) -> dict[str, object] | None:
    """Return what is missing if a larger cart is all that the offer needs: the largest amount and quantity."""
    if candidate.rejection is None or candidate.rejection.code != "minimum_not_met":
        return None
    missing: dict[str, object] = {}
    for result in candidate.results:
        if isinstance(result, ConditionResult) and result.code is not None:
            if result.checked.kind not in CUMULATIVE_CONDITIONS:
                return None
            keep_larger(missing, result.members)
    return missing


def keep_larger(missing: dict[str, object], details: Mapping[str, object]) -> None:
    """Add the missing amount and quantity of a result, where they are larger than the previous ones."""
    if "missing" in details:
        amount = str(details["missing"])
        previous = str(missing.get("amount", ""))
        missing["amount"] = max(previous, amount, key=lambda text: (len(text), text))
    missing_units, previous_units = details.get("missing_quantity"), missing.get("quantity", 0)
    if isinstance(missing_units, int) and isinstance(previous_units, int):
        missing["quantity"] = max(previous_units, missing_units)


def explain_offers(
    fresh: Prices, candidates: Sequence[PreparedOffer], rejected: Mapping[str, Rejected], combination: Combination
) -> tuple[Explanation, ...]:
    """Return an explanation of every offer: the result of each condition and the outcome."""
    evaluated = [
        candidate
        for candidate in candidates
        if candidate.origin.ref in combination.outcome.applied | combination.outcome.rejected
    ]
    checked = evaluate(fresh, evaluated, explain=True).checked
    explanations: list[Explanation] = []
    for candidate in candidates:
        ref = candidate.origin.ref
        rejection = rejected.get(ref)
        explanations.append(
            Explanation(
                ref,
                tuple(checked.get(ref) or candidate.check_conditions(fresh)),
                rejection.code if rejection else "applied",
                rejection.detail if rejection else _("Applied."),
                combination.outcome.applied[ref].amount if ref in combination.outcome.applied else 0,
            )
        )
    return tuple(explanations)
