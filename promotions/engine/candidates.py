"""An offer made ready for one cart: what is known before anything is played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from promotions.engine.benefits import Give, Ground, ready
from promotions.engine.conditions import Scene, Verdict, is_running, judge, wall_clock
from promotions.engine.offer import Condition, Contains, Subtotal
from promotions.engine.prices import Prices
from promotions.engine.profile import Profile
from promotions.engine.rounding import DoesNotFit
from promotions.engine.units import Limits
from promotions.engine.values import Cart, Checked, InPlay, Line, Shipping, ShopperFacts

Rank = tuple[int, int, int, str]


@dataclass(slots=True)
class Reason:
    """Why an offer is not given."""

    code: str
    detail: str
    members: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Candidate:
    """An offer in play. `stop` is set when something that no other offer can change stands against it."""

    origin: InPlay
    rank: Rank
    scene: Scene
    verdicts: list[Verdict | Condition]
    profile: Profile
    gives: Sequence[Give] = ()
    stop: Reason | None = None

    @property
    def running(self) -> list[Condition]:
        """The conditions that must be looked at when the offer's lane begins."""
        return [each for each in self.verdicts if not isinstance(each, Verdict)]

    def judged(self, prices: Prices | None) -> list[Checked]:
        """Every condition as it stands at these prices, for an explanation."""
        settled = (each if isinstance(each, Verdict) else judge(each, self.scene, prices) for each in self.verdicts)
        return [verdict.checked for verdict in settled]

    def refused(self, prices: Prices) -> Reason | None:
        """The first running condition that does not hold."""
        for condition in self.running:
            verdict = judge(condition, self.scene, prices)
            if verdict.code is not None:
                return Reason(verdict.code, verdict.detail, verdict.members)
        return None


@dataclass(frozen=True, slots=True)
class Table:
    """The cart as the engine plays on it: lines and shipping in the engine's order, and all that every offer shares."""

    cart: Cart
    lines: Sequence[Line]
    shipping: Sequence[Shipping]
    facts: ShopperFacts
    profile: Profile
    at: datetime


def candidate(origin: InPlay, table: Table) -> Candidate:
    """Settles what can be settled about an offer before play."""
    offer = origin.offer
    local = wall_clock(table.at, origin.timezone)
    scene = Scene(table.cart, table.lines, table.facts.of(origin.brand), origin.brand, local)
    rank = (offer.lane, -offer.priority, origin.order, origin.ref)
    made = Candidate(origin, rank, scene, [], table.profile)
    made.stop = currency_stop(origin, table.cart)
    try:
        for each in offer.conditions:
            verdict = judge(each, scene)
            made.verdicts.append(each if is_running(each) else verdict)
        made.gives = [] if made.stop else [ready(benefit, ground(origin, table, scene)) for benefit in offer.benefits]
    except DoesNotFit:
        made.stop = made.stop or mismatch(table.cart.currency)
    made.stop = made.stop or budget_stop(origin) or condition_stop(made.verdicts)
    return made


def ground(origin: InPlay, table: Table, scene: Scene) -> Ground:
    """What the offer's benefits stand on."""
    most = origin.offer.max_applications
    limits = () if most is None else fulfilments(origin.offer.conditions, scene, most)
    return Ground(
        origin.ref, table.lines, table.shipping, origin.brand, table.cart.exponent, table.profile, most, limits
    )


def fulfilments(conditions: Sequence[Condition], scene: Scene, most: int) -> Limits:
    """Of the units that a `contains` asks for, those of `most` fulfilments."""
    return [(frozenset(scene.select(each)), each.quantity * most) for each in conditions if isinstance(each, Contains)]


def currency_stop(origin: InPlay, cart: Cart) -> Reason | None:
    """Some amount of the offer is in another currency than the cart."""
    offer = origin.offer
    named = [each.narrow.currency for each in offer.benefits]
    named += [each.currency for each in offer.conditions if isinstance(each, Subtotal)]
    for currency in named:
        if currency not in (None, cart.currency):
            return mismatch(str(currency))
    return None


def mismatch(currency: str) -> Reason:
    """An amount that cannot be compared with the cart's."""
    return Reason("currency_mismatch", f"This offer's amounts do not fit a cart in {currency}.", {"currency": currency})


def condition_stop(verdicts: Sequence[Verdict | Condition]) -> Reason | None:
    """The first condition that does not hold."""
    for each in verdicts:
        if isinstance(each, Verdict) and each.code is not None:
            return Reason(each.code, each.detail, each.members)
    return None


def budget_stop(origin: InPlay) -> Reason | None:
    """Nothing is left of the budget."""
    if origin.budget_left is not None and origin.budget_left <= 0:
        return EXHAUSTED
    return None


EXHAUSTED = Reason("budget_exhausted", "The budget of this offer is spent.")
