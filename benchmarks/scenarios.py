"""How long and how often to measure, and how the figures are told."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Rounds = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Plan:
    """``seconds`` of each measurement, ``rounds`` of each comparison; ``quick`` only proves that all of it runs."""

    seconds: int
    rounds: int
    quick: bool

    def size(self, full: int, quick: int) -> int:
        """A size of the data: the real one, or a tiny one."""
        return quick if self.quick else full


FULL = Plan(seconds=4, rounds=5, quick=False)
QUICK = Plan(seconds=1, rounds=2, quick=True)


def interleaved(plan: Plan, contenders: Mapping[str, Callable[[], float]]) -> Rounds:
    """Measures each contender once a round, in an order that turns each round, so that drift strikes all alike."""
    found: Rounds = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(plan.rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            found[name].append(contenders[name]())
    return found


def tell(title: str, rounds: Rounds, *, unit: str, against: str) -> None:
    """Prints a table: the median of each, and its ratio to ``against`` in the same round (median, least and most)."""
    print(f"\n### {title}\n\n| what | {unit} | least to most | ratio | least to most |\n|---|---|---|---|---|")
    for name, values in rounds.items():
        pairs = zip(values, rounds[against], strict=True)
        ratios = [one / other for one, other in pairs]
        print(
            f"| {name} | {_shown(statistics.median(values))} | {_shown(min(values))} to {_shown(max(values))} "
            f"| {statistics.median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |",
            flush=True,
        )


def milliseconds(call: Callable[[], object], *, seconds: float, most: int = 5_000) -> float:
    """The median time of a call, repeated one after the other for so many seconds, after one that does not count."""
    call()
    taken: list[float] = []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends and len(taken) < most:
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def say(text: str) -> None:
    """A word between the tables."""
    print(f"\n{text}", flush=True)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
