"""One past cart priced twice, with a draft and without, and what many such carts add up to. Values in, values out.

Totals are JSON: ``{"currencies": {cur: {"cost", "extra"}}, "uses", "spent", "drifted", "unreadable",
"overlap": {ref: {"kind", "title", "lost", "changed", "less": {cur: minor}}}, "days": {day: {"seen", "touched",
"extra": {cur: minor}}}}``. ``cost`` is what the draft took off, ``extra`` how much less would have been paid than
without it; they differ by what other offers gave less.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from checkout import rules
from checkout.contracts import Quote
from pricing import Applied, Facts, Offer, ShopperFacts, price
from promotions.contracts import Candidate

MAX_RIVALS = 200  # of what overlaps, so many are named; all others stand together
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Replay:
    """What a draft would have done to one cart; amounts in minor units.

    ``rivals`` are the offers that lost by it (None left) or changed, by reference: kind, title, before, after.
    """

    currency: str
    affected: bool
    cost: int
    extra: int
    without: int
    rivals: Mapping[str, tuple[str, str, int, int | None]] = field(default_factory=dict)


def list_segment_types(offer: Offer, kind: str) -> bool:
    """Whether a condition of this kind is among the offer's."""
    return any(condition.kind == kind for condition in offer.conditions)


def has_recorded_facts(quote: Quote, brand: str, kind: str) -> bool:
    """Whether the record holds what conditions of this kind ask of the shopper: some offer of the brand asked then."""
    return any(it.brand == brand and list_segment_types(it.offer, kind) for it in quote.candidates.values())


def replay_cart(quote: Quote, draft: Candidate, facts: Facts | None) -> Replay:
    """The recorded decision beside the one with the draft in play; a record of the same promotion gives way to it.

    ``facts`` are the shopper's with the draft's brand where the record does not hold them.
    """
    own = {ref: it for ref, it in quote.candidates.items() if (it.kind, it.id) != (draft.kind, draft.id)}
    everyone = quote.facts if facts is None else ShopperFacts({**quote.facts.by_brand, draft.brand: facts})
    candidates = {**own, draft.ref: draft}
    after = price(quote.request.cart, rules.to_engine_offers(candidates), everyone, quote.profile, quote.at)
    given = {applied.ref: applied for applied in after.applied}
    mine = given.get(draft.ref)
    gift = any(each.ref == draft.ref for each in after.gifts)
    return Replay(
        currency=quote.request.cart.currency,
        affected=mine is not None or gift,
        cost=mine.amount if mine else 0,
        extra=after.discount_total - quote.decision.discount_total,
        without=quote.decision.total,
        rivals=_rivals(quote, own, given),
    )


def _rivals(
    quote: Quote, own: Mapping[str, Candidate], given: Mapping[str, Applied]
) -> dict[str, tuple[str, str, int, int | None]]:
    found = {}
    for before in quote.decision.applied:
        it, after = own.get(before.ref), given.get(before.ref)
        if it is not None and (after is None or after.amount != before.amount):
            found[before.ref] = (it.kind, it.title, before.amount, after.amount if after else None)
    return found


def empty_totals() -> dict[str, Any]:
    """Totals before the first cart."""
    return {
        "currencies": {}, "uses": 0, "spent": 0, "drifted": 0, "unreadable": 0, "overlap": {}, "days": {},
    }  # fmt: skip


def add(totals: dict[str, Any], found: Replay, day: date, *, currency: str) -> None:
    """Count one cart in; ``currency`` is the one that the draft's budget is kept in."""
    sums = totals["currencies"].setdefault(found.currency, {"cost": 0, "extra": 0})
    sums["cost"] += found.cost
    sums["extra"] += found.extra
    totals["uses"] += found.affected
    totals["spent"] += found.cost if found.currency == currency else 0
    today = totals["days"].setdefault(day.isoformat(), {"seen": 0, "touched": 0, "extra": {}})
    today["seen"] += 1
    today["touched"] += found.affected
    today["extra"][found.currency] = today["extra"].get(found.currency, 0) + found.extra
    for ref, (kind, title, before, after) in sorted(found.rivals.items()):
        _add_rival(totals["overlap"], ref, (kind, title), before - (after or 0), found.currency, lost=after is None)


def _add_rival(
    overlap: dict[str, Any], ref: str, named: tuple[str, str], less: int, currency: str, *, lost: bool
) -> None:
    if ref not in overlap and len(overlap) >= MAX_RIVALS:
        ref, named = OTHERS, ("", "others")
    row = overlap.setdefault(ref, {"kind": named[0], "title": named[1], "lost": 0, "changed": 0, "less": {}})
    row["lost" if lost else "changed"] += 1
    row["less"][currency] = row["less"].get(currency, 0) + less
