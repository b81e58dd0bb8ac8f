"""A hundred thousand shoppers log in to one campaign at once; the first hundred get a voucher.

Every run ends with checks: every shopper has a response, there are exactly as many vouchers as the quota, with ranks
from 1 without gaps, each for another shopper, and the table agrees with the responses, also when all requests are
repeated.
"""

import contextlib
import resource
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.utils import timezone

from benchmarks import seed_data
from benchmarks.burst import BurstResult, Reply, burst
from benchmarks.environment import serve
from benchmarks.scenarios import Plan, measure_interleaved, print_line, print_result
from vouchers import services
from vouchers.models import Campaign, FirstLogin, Voucher

PLATFORM = "promoplatform.wsgi:application"
QUOTA = 100
CONNECTIONS = 10_000  # distributed unevenly over the workers
THREADS = 16  # as in the Procfile; the number of threads limits the batch size
RATES = (250, 500, 1_000, 2_000)
RESERVED_FILES = 4_000  # per process, for other files than connections


@dataclass
class Campaigns:
    """Tokens of the shoppers, and campaigns, a new one for each run."""

    tokens: Sequence[str]
    campaigns: int = 0

    def campaign(self, quota: int = QUOTA) -> Campaign:
        self.campaigns += 1
        at = timezone.now()
        fields = {
            "name": "First", "slug": f"first-{self.campaigns}", "start_date": at - timedelta(hours=1),
            "end_date": at + timedelta(days=1),
        }  # fmt: skip
        brand = seed_data.create_brand(f"crowd-{self.campaigns}")
        return services.create(brand=brand, quota=quota, fields=fields, at=at)


def measure(plan: Plan) -> None:
    """Print how fast each variant answers a burst, the whole result of a large burst, and latencies at steady rates."""
    shoppers = seed_data.create_shoppers(plan.choose_size(100_000, 2_000))
    campaigns = Campaigns([line.split()[1] for line in shoppers.file.read_text().splitlines()])
    seed_data.vacuum()
    with (
        serve("benchmarks.baseline:application") as plain,
        serve(PLATFORM, BATCHING="false") as single,
        serve(PLATFORM, threads=THREADS, max_connections=2 * CONNECTIONS) as batched,
    ):
        tokens = campaigns.tokens[: plan.choose_size(10_000, 500)]
        for title, quota in (
            ("one in a hundred gets a voucher", len(tokens) // 100),
            ("every shopper gets one", len(tokens)),
        ):
            contenders = {
                "a plain function, single": partial(_measure_rate, campaigns, plain, tokens, quota),
                "the platform, single": partial(_measure_rate, campaigns, single, tokens, quota),
                "the platform, batched": partial(_measure_rate, campaigns, batched, tokens, quota),
            }
            rounds = measure_interleaved(plan, contenders)
            print_result(f"First logins: {title}", rounds, unit="per second", against="a plain function, single")
        _measure_burst(campaigns, batched, plan)
        _measure_steady_rates(campaigns, batched, plan)


def _measure_rate(campaigns: Campaigns, address: str, tokens: Sequence[str], quota: int) -> float:
    """Return responses per second to these shoppers, over 256 connections; each response is checked."""
    campaign = campaigns.campaign(quota)
    result = burst(address, _path(campaign), tokens, connections=256)
    _check(campaign, result, len(tokens), quota)
    return result.rate


def _measure_burst(campaigns: Campaigns, address: str, plan: Plan) -> None:
    """Send all logins at once, over ten thousand connections, and then all of them again."""
    connections = min(plan.choose_size(CONNECTIONS, 500), _open_files() - RESERVED_FILES)
    campaign = campaigns.campaign()
    with _watch_memory(address) as sizes:
        result = burst(address, _path(campaign), campaigns.tokens, connections=connections, hold=2)
    first = _check(campaign, result, len(campaigns.tokens), QUOTA)
    print_line(
        f"{len(campaigns.tokens):,} shoppers over {result.connections:,} connections, open before the first request: "
        f"{result.seconds:.1f} s, {result.rate:,.0f} per second, p50 {result.p50 / 1000:.1f} s, "
        f"p99 {result.p99 / 1000:.1f} s, last {result.worst / 1000:.1f} s; "
        f"{QUOTA} vouchers, ranks 1 to {QUOTA}, no response missing. "
        f"Memory of the web processes: {sizes[0]} MiB before, {max(sizes)} MiB at most."
    )
    repeated = burst(address, _path(campaign), campaigns.tokens, connections=connections)
    second = {reply.number: _voucher(reply) for reply in _check_replies(repeated, len(campaigns.tokens))}
    if {number: voucher for number, voucher in second.items() if voucher} != first:
        raise RuntimeError("repeated requests got different results")
    print_line(
        f"All repeated requests got the same results: {repeated.seconds:.1f} s, {repeated.rate:,.0f} per second."
    )


def _measure_steady_rates(campaigns: Campaigns, address: str, plan: Plan) -> None:
    """Print latencies from when each request was due."""
    print("\n### First logins at a steady rate\n")
    print("| requests per second | responses per second | p50, ms | p99, ms | max, ms |\n|---|---|---|---|---|")
    for rate in RATES:
        tokens = campaigns.tokens[: rate * 2 * plan.seconds]
        campaign = campaigns.campaign()
        result = burst(address, _path(campaign), tokens, connections=256, rate=rate)
        _check(campaign, result, len(tokens), QUOTA)
        print(
            f"| {rate:,} | {result.rate:,.0f} | {result.p50:.1f} | {result.p99:.1f} | {result.worst:.1f} |", flush=True
        )


def _path(campaign: Campaign) -> str:
    return f"/api/v1/campaigns/{campaign.slug}/first-login/"


def _check_replies(result: BurstResult, expected: int) -> tuple[Reply, ...]:
    statuses = Counter(reply.status for reply in result.replies)
    if result.broken or result.answered != expected or set(statuses) - {200, 201}:
        raise RuntimeError(f"{result.answered} of {expected} got a response, {result.broken} failed: {dict(statuses)}")
    return result.replies


def _voucher(reply: Reply) -> str:
    """Return the ID of the voucher in the response, or an empty string."""
    voucher = reply.json().get("voucher") if '"voucher"' in reply.body else None
    return voucher["id"] if voucher else ""


def _check(campaign: Campaign, result: BurstResult, expected: int, quota: int) -> dict[int, str]:
    """Check the responses against the table. Return the issued vouchers by position in the burst."""
    vouchers = {reply.number: _voucher(reply) for reply in _check_replies(result, expected) if reply.status == 201}
    rows = list(Voucher.objects.filter(campaign=campaign).values_list("id", "rank", "customer_id"))
    issued = min(quota, expected)
    if (
        sorted(rank for _, rank, _ in rows) != list(range(1, issued + 1))
        or len({customer for *_, customer in rows}) != issued
        or {str(pk) for pk, *_ in rows} != set(vouchers.values())
        or FirstLogin.objects.filter(campaign=campaign).count() != expected
    ):
        raise RuntimeError(f"{len(rows)} vouchers for a quota of {quota}, {len(vouchers)} returned")
    return vouchers


def _open_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


@contextlib.contextmanager
def _watch_memory(address: str) -> Iterator[list[int]]:
    """Sample the memory in MiB of all processes of this address ten times a second; the first value is from before."""
    sizes, stop = [_resident_mebibytes(address)], threading.Event()

    def sample() -> None:
        while not stop.wait(0.1):
            sizes.append(_resident_mebibytes(address))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield sizes
    finally:
        stop.set()
        thread.join()


def _resident_mebibytes(address: str) -> int:
    """Return the memory of the process group of a server, which is found by its port."""
    output = subprocess.run(["ps", "-eo", "pgid=,rss=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in output.splitlines()]
    group = next(pgid for pgid, _, args in rows if f"--port {address.rpartition(':')[2]} " in args)
    return sum(int(size) for pgid, size, _ in rows if pgid == group) // 1024
