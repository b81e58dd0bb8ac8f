"""Bounds of the engine's work for many competing offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from pricing import Cart, EligibleOffer, Line, Profile, ShopperFacts, combinations, explain, parse_offer, price
from pricing.candidates import PreparedOffer
from pricing.evaluation import Outcome, evaluate
from pricing.prices import Prices

LINES, OFFERS = 40, 300
MAX_EVALUATIONS = 4  # how often each offer may be played: alone, to see why not, in the choice, and explained
AT = datetime(2027, 3, 17, tzinfo=UTC)


def percent_offer(number: int, **more: Any) -> dict[str, Any]:
    return {"benefits": [{"kind": "percent", "value": str(1 + number % 5)}], **more}


def unmet_offer(number: int) -> dict[str, Any]:
    return percent_offer(number, conditions=[{"kind": "min_subtotal", "value": "999999"}])


OFFER_FIELDS: dict[str, Callable[[int], dict[str, Any]]] = {
    "many pairs of rivals": lambda n: percent_offer(n, group=f"g{n // 2}"),
    "a few large groups": lambda n: percent_offer(n, group=f"g{n % 3}"),
    "one group beside many others": lambda n: percent_offer(n, **({"group": "g"} if n < 10 else {})),
    "none beside another": lambda n: percent_offer(n, combinable=False),
    "half given, half waiting for more": lambda n: unmet_offer(n) if n % 2 else percent_offer(n),
}


@pytest.mark.parametrize("name", OFFER_FIELDS)
def test_work_grows_linearly_with_offers_and_lines(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cart = Cart("EUR", 2, tuple(Line(f"l{n}", f"s{n}", 1, 1000 + n) for n in range(LINES)))
    offers = [
        EligibleOffer(f"o{n}", "promotion", "", parse_offer(OFFER_FIELDS[name](n)), order=n) for n in range(OFFERS)
    ]
    work = 0

    def counting_evaluate(fresh: Prices, candidates: Iterable[PreparedOffer], **more: Any) -> Outcome:
        nonlocal work
        plan = list(candidates)
        work += len(plan) * len(fresh.lines)
        return evaluate(fresh, plan, **more)

    for module in (combinations, explain):
        monkeypatch.setattr(module, "evaluate", counting_evaluate)
    decision = price(cart, offers, ShopperFacts({}), Profile(), AT, explain=True)

    assert len(decision.explanations) == OFFERS
    assert work <= MAX_EVALUATIONS * OFFERS * LINES + 2 * combinations.MAX_WORK


def test_bounded_results_do_not_depend_on_the_order_of_offers() -> None:
    cart = Cart("EUR", 2, tuple(Line(f"l{n}", f"s{n}", 1, 1000 + n) for n in range(LINES)))
    offers = [
        EligibleOffer(
            f"o{n}",
            "promotion",
            "",
            parse_offer(unmet_offer(n) if n % 3 else percent_offer(n, group=f"g{n // 6}")),
            order=n,
        )
        for n in range(OFFERS)
    ]

    def priced(ordered: list[EligibleOffer]) -> tuple[object, ...]:
        decision = price(cart, ordered, ShopperFacts({}), Profile(), AT)
        return decision.total, decision.next_best, sorted(discount.ref for discount in decision.applied)

    assert priced(offers) == priced(offers[::-1])
