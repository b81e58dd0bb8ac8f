"""However many offers there are and however they compete, the work stays within what offers times lines take."""

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
PASSES = 4  # how often each offer may be played: alone, to see why not, in the choice, and explained
AT = datetime(2027, 3, 17, tzinfo=UTC)


def every(number: int, **more: Any) -> dict[str, Any]:
    return {"benefits": [{"kind": "percent", "value": str(1 + number % 5)}], **more}


def waiting(number: int) -> dict[str, Any]:
    return every(number, conditions=[{"kind": "min_subtotal", "value": "999999"}])


FIELDS: dict[str, Callable[[int], dict[str, Any]]] = {
    "many pairs of rivals": lambda n: every(n, group=f"g{n // 2}"),
    "a few large groups": lambda n: every(n, group=f"g{n % 3}"),
    "one group beside many others": lambda n: every(n, **({"group": "g"} if n < 10 else {})),
    "none beside another": lambda n: every(n, combinable=False),
    "half given, half waiting for more": lambda n: waiting(n) if n % 2 else every(n),
}


@pytest.mark.parametrize("name", FIELDS)
def test_the_work_grows_as_offers_times_lines(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cart = Cart("EUR", 2, tuple(Line(f"l{n}", f"s{n}", 1, 1000 + n) for n in range(LINES)))
    offers = [EligibleOffer(f"o{n}", "promotion", "", parse_offer(FIELDS[name](n)), order=n) for n in range(OFFERS)]
    work = 0

    def counted(fresh: Prices, candidates: Iterable[PreparedOffer], **more: Any) -> Outcome:
        nonlocal work
        plan = list(candidates)
        work += len(plan) * len(fresh.lines)
        return evaluate(fresh, plan, **more)

    for module in (combinations, explain):
        monkeypatch.setattr(module, "play", counted)
    decision = price(cart, offers, ShopperFacts({}), Profile(), AT, explain=True)

    assert len(decision.explanations) == OFFERS
    assert work <= PASSES * OFFERS * LINES + 2 * combinations.WORK


def test_what_is_cut_short_does_not_depend_on_the_order_of_the_offers() -> None:
    cart = Cart("EUR", 2, tuple(Line(f"l{n}", f"s{n}", 1, 1000 + n) for n in range(LINES)))
    offers = [
        EligibleOffer(
            f"o{n}", "promotion", "", parse_offer(waiting(n) if n % 3 else every(n, group=f"g{n // 6}")), order=n
        )
        for n in range(OFFERS)
    ]

    def told(some: list[EligibleOffer]) -> tuple[object, ...]:
        decision = price(cart, some, ShopperFacts({}), Profile(), AT)
        return decision.total, decision.next_best, sorted(each.ref for each in decision.applied)

    assert told(offers) == told(offers[::-1])
