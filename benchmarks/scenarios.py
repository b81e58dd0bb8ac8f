"""Duration and repetition of measurements, and the output of results."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Rounds = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Plan:
    """``seconds`` of each measurement and ``rounds`` of each comparison; ``quick`` only proves that all of it runs."""

    seconds: int
    rounds: int
    quick: bool

    def choose_size(self, full: int, quick: int) -> int:
        """Return the full size of the data, or the small one of a quick run."""
        return quick if self.quick else full


FULL = Plan(seconds=4, rounds=5, quick=False)
QUICK = Plan(seconds=2, rounds=2, quick=True)  # the first responses of a new server may take a second


def measure_interleaved(plan: Plan, contenders: Mapping[str, Callable[[], float]]) -> Rounds:
    """Measure each contender once per round, in a rotating order, so that drift affects all of them equally."""
    rounds: Rounds = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(plan.rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            rounds[name].append(contenders[name]())
    return rounds


def print_result(title: str, rounds: Rounds, *, unit: str, against: str) -> None:
    """Print a table: the median of each contender, and its ratio to ``against`` in the same round."""
    print(f"\n### {title}\n\n| contender | {unit} | min to max | ratio | min to max |\n|---|---|---|---|---|")
    for name, values in rounds.items():
        pairs = zip(values, rounds[against], strict=True)
        ratios = [value / reference for value, reference in pairs]
        print(
            f"| {name} | {_format(statistics.median(values))} | {_format(min(values))} to {_format(max(values))} "
            f"| {statistics.median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |",
            flush=True,
        )


def measure_milliseconds(call: Callable[[], object], *, seconds: float, max_calls: int = 5_000) -> float:
    """Return the median duration of a call that is repeated for some seconds, after one call that does not count."""
    call()
    durations: list[float] = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline and len(durations) < max_calls:
        started = time.perf_counter()
        call()
        durations.append(time.perf_counter() - started)
    return statistics.median(durations) * 1000


def print_line(text: str) -> None:
    """Print a line between the tables."""
    print(f"\n{text}", flush=True)


def _format(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
