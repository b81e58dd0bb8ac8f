"""Replays of past carts with and without a draft promotion, and the totals of many replays.

Totals are stored as JSON: ``{"version": 2, "currencies": {currency: {"cost", "extra"}}, "redemptions", "units",
"drifted", "unreadable", "overlap": {reference: {"kind", "name", "lost", "changed", "less": {currency: minor units}}},
"days": {day: {"orders", "affected", "extra": {currency: minor units}}}}``. ``cost`` is the draft's discount, ``extra``
the additional discount of the whole cart; they differ by the discounts that other offers lose.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from checkout import rules
from checkout.contracts import Quote
from pricing import Applied, Facts, Offer, ShopperFacts
from pricing.condition_values import iter_conditions
from redemptions.contracts import Candidate

TOTALS_VERSION = 2
MAX_RIVALS = 200  # overlapping offers that are listed by name; the others share one row
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Rival:
    """An applied offer whose discount changes because of the draft: in minor units, None if it is lost."""

    kind: str
    name: str
    discount: int
    new_discount: int | None


@dataclass(frozen=True, slots=True)
class Replay:
    """The effect of a draft on one cart, in minor units. ``rivals`` are by reference, ``units`` are those of goods."""

    currency: str
    affected: bool
    cost: int
    extra: int
    total_without: int
    rivals: Mapping[str, Rival] = field(default_factory=dict)
    units: int = 0


def has_condition(offer: Offer, kind: str) -> bool:
    """Return whether the offer has a condition of this kind."""
    return any(condition.kind == kind for condition in iter_conditions(offer.conditions))


def has_recorded_facts(quote: Quote, brand: str, kind: str) -> bool:
    """Return whether the record holds the facts for conditions of this kind: an offer of the brand had one then."""
    return any(
        candidate.brand == brand and has_condition(candidate.offer, kind) for candidate in quote.candidates.values()
    )


def replay_cart(quote: Quote, draft: Candidate, facts: Facts | None) -> Replay:
    """Price a recorded cart with the draft, which replaces the same promotion if the record has it.

    ``facts`` replace the recorded facts about the customer for the draft's brand.
    """
    others = {
        reference: candidate
        for reference, candidate in quote.candidates.items()
        if (candidate.kind, candidate.id) != (draft.kind, draft.id)
    }
    all_facts = quote.facts if facts is None else ShopperFacts({**quote.facts.by_brand, draft.brand: facts})
    candidates = {**others, draft.ref: draft}
    decision = rules.price_cart(
        quote.request, candidates, (), facts=all_facts, profile=quote.profile, at=quote.at
    ).decision
    applied = {offer.ref: offer for offer in decision.applied}
    applied_draft = applied.get(draft.ref)
    has_gift = any(gift.ref == draft.ref for gift in decision.gifts)
    return Replay(
        currency=quote.request.cart.currency,
        affected=applied_draft is not None or has_gift,
        cost=applied_draft.amount if applied_draft else 0,
        extra=decision.discount_total - quote.decision.discount_total,
        total_without=quote.decision.total,
        rivals=_find_rivals(quote, others, applied),
        units=applied_draft.count_units() if applied_draft else 0,
    )


def unaffected(quote: Quote) -> Replay:
    """Return the result for a cart that the draft can't be applied to."""
    return Replay(quote.request.cart.currency, False, 0, 0, quote.decision.total)


def _find_rivals(quote: Quote, others: Mapping[str, Candidate], applied: Mapping[str, Applied]) -> dict[str, Rival]:
    rivals = {}
    for before in quote.decision.applied:
        candidate, after = others.get(before.ref), applied.get(before.ref)
        if candidate is not None and (after is None or after.amount != before.amount):
            rivals[before.ref] = Rival(candidate.kind, candidate.title, before.amount, after.amount if after else None)
    return rivals


# --- totals ----------------------------------------------------------------------------------------------------------
def empty_totals() -> dict[str, Any]:
    """Return the totals of no carts."""
    return {
        "version": TOTALS_VERSION, "currencies": {}, "redemptions": 0, "units": 0, "drifted": 0, "unreadable": 0,
        "overlap": {}, "days": {},
    }  # fmt: skip


DROPPED = ("uses", "spent")  # totals of version 1: renamed, and repeated by the costs of the currencies


def upgrade_totals(totals: dict[str, Any]) -> dict[str, Any]:
    """Return stored totals in their present form. Totals without a version are version 1, with other names."""
    if "version" in totals:
        return {"units": 0} | totals
    upgraded = empty_totals() | {name: value for name, value in totals.items() if name not in DROPPED}
    return upgraded | {
        "redemptions": totals["uses"],
        "overlap": {
            reference: {"name" if name == "title" else name: value for name, value in row.items()}
            for reference, row in totals["overlap"].items()
        },
        "days": {
            day: {"orders": row["seen"], "affected": row["touched"], "extra": row["extra"]}
            for day, row in totals["days"].items()
        },
    }


def add(totals: dict[str, Any], result: Replay, day: date) -> None:
    """Add one cart to the totals."""
    sums = totals["currencies"].setdefault(result.currency, {"cost": 0, "extra": 0})
    sums["cost"] += result.cost
    sums["extra"] += result.extra
    totals["redemptions"] += result.affected
    totals["units"] += result.units
    row = totals["days"].setdefault(day.isoformat(), {"orders": 0, "affected": 0, "extra": {}})
    row["orders"] += 1
    row["affected"] += result.affected
    row["extra"][result.currency] = row["extra"].get(result.currency, 0) + result.extra
    for reference, rival in sorted(result.rivals.items()):
        _add_rival(totals["overlap"], reference, rival, result.currency)


def _add_rival(overlap: dict[str, Any], reference: str, rival: Rival, currency: str) -> None:
    kind, name = rival.kind, rival.name
    if reference not in overlap and len(overlap) >= MAX_RIVALS:
        reference, kind, name = OTHERS, "", ""
    row = overlap.setdefault(reference, {"kind": kind, "name": name, "lost": 0, "changed": 0, "less": {}})
    row["lost" if rival.new_discount is None else "changed"] += 1
    row["less"][currency] = row["less"].get(currency, 0) + rival.discount - (rival.new_discount or 0)
