"""How a brand wants its prices to be worked out. The first choice of each option is the default."""

from __future__ import annotations

from dataclasses import dataclass

OPTIONS: dict[str, tuple[str | bool, ...]] = {
    "rounding": ("half_up", "half_down", "half_even", "down"),
    "round_on": ("discount", "price", "unit", "line", "order_discount"),
    "remainder": ("largest_fraction", "first", "last"),
    "percent_base": ("running", "initial"),
    "free_units": ("cheapest", "dearest"),
    "return_cancelled_uses": (True, False),
    "budget_overrun": ("all_or_nothing", "partial"),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """A brand's pricing profile; `return_cancelled_uses` is for checkout, the engine does not read it."""

    rounding: str = "half_up"
    round_on: str = "discount"
    remainder: str = "largest_fraction"
    percent_base: str = "running"
    free_units: str = "cheapest"
    return_cancelled_uses: bool = True
    budget_overrun: str = "all_or_nothing"
