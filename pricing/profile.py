"""Pricing profile: how the prices of a brand are calculated. The first choice of each option is the default."""

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
    """Pricing profile of a brand. Only the checkout uses `return_cancelled_uses`."""

    rounding: str = "half_up"
    round_on: str = "discount"
    remainder: str = "largest_fraction"
    percent_base: str = "running"
    free_units: str = "cheapest"
    return_cancelled_uses: bool = True
    budget_overrun: str = "all_or_nothing"
