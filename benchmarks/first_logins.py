"""A hundred thousand shoppers sign in to one campaign at once; the first hundred get a voucher.

Every run ends with the questions that matter: is every shopper answered, are the vouchers exactly the quota, with
ranks from 1 without a gap, each to another shopper, and does the table agree with what each was told, also when all ask
again?
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
from benchmarks.burst import Crowd, Reply, burst
from benchmarks.environment import served
from benchmarks.scenarios import Plan, interleaved, say, tell
from vouchers import services
from vouchers.models import Campaign, FirstLogin, Voucher

PRODUCT = "promoplatform.wsgi:application"
QUOTA = 100
CONNECTIONS = 10_000  # the workers' shares of them are uneven
THREADS = 16  # as the Procfile has it; a batch is no larger than there are threads to wait for it
RATES = (250, 500, 1_000, 2_000)
OPEN_FILES = 4_000  # of one process, left for what is not a connection


@dataclass
class Hall:
    """The shoppers, and the campaigns that they come to, a new one each time."""

    tokens: Sequence[str]
    campaigns: int = 0

    def campaign(self, quota: int = QUOTA) -> Campaign:
        self.campaigns += 1
        at = timezone.now()
        fields = {
            "name": "First", "slug": f"first-{self.campaigns}", "start_date": at - timedelta(hours=1),
            "end_date": at + timedelta(days=1),
        }  # fmt: skip
        brand = seed_data.brand(f"crowd-{self.campaigns}")
        return services.create(brand=brand, quota=quota, fields=fields, at=at)


def measure(plan: Plan) -> None:
    """Prints how fast each way answers a crowd, a big crowd's whole story, and latencies at steady rates."""
    shoppers = seed_data.shoppers(plan.size(100_000, 2_000))
    hall = Hall([line.split()[1] for line in shoppers.file.read_text().splitlines()])
    seed_data.vacuum()
    with (
        served("benchmarks.baseline:application") as bare,
        served(PRODUCT, BATCHING="false") as alone,
        served(PRODUCT, threads=THREADS, open_at_once=2 * CONNECTIONS) as merged,
    ):
        some = hall.tokens[: plan.size(10_000, 500)]
        for title, quota in (("one in a hundred gets a voucher", len(some) // 100), ("everyone gets one", len(some))):
            ways = {
                "a bare function, one by one": partial(_rate, hall, bare, some, quota),
                "the platform, one by one": partial(_rate, hall, alone, some, quota),
                "the platform, batched": partial(_rate, hall, merged, some, quota),
            }
            rounds = interleaved(plan, ways)
            tell(f"First logins: {title}", rounds, unit="a second", against="a bare function, one by one")
        _whole_crowd(hall, merged, plan)
        _steady(hall, merged, plan)


def _rate(hall: Hall, address: str, tokens: Sequence[str], quota: int) -> float:
    """Answers a second to these shoppers, over 256 connections; each answer is checked."""
    campaign = hall.campaign(quota)
    crowd = burst(address, _path(campaign), tokens, connections=256)
    _check(campaign, crowd, len(tokens), quota)
    return crowd.rate


def _whole_crowd(hall: Hall, address: str, plan: Plan) -> None:
    """Everybody at once, over ten thousand connections; then everybody again."""
    connections = min(plan.size(CONNECTIONS, 500), _open_files() - OPEN_FILES)
    campaign = hall.campaign()
    with _memory(address) as sizes:
        crowd = burst(address, _path(campaign), hall.tokens, connections=connections, hold=2)
    first = _check(campaign, crowd, len(hall.tokens), QUOTA)
    say(
        f"{len(hall.tokens):,} shoppers over {crowd.opened:,} connections, all open before the first request: "
        f"{crowd.seconds:.1f} s, {crowd.rate:,.0f} a second, p50 {crowd.p50 / 1000:.1f} s, "
        f"p99 {crowd.p99 / 1000:.1f} s, last {crowd.worst / 1000:.1f} s; "
        f"{QUOTA} vouchers, ranks 1 to {QUOTA}, no answer missing. "
        f"Memory of the web processes: {sizes[0]} MiB before, {max(sizes)} MiB at most."
    )
    again = burst(address, _path(campaign), hall.tokens, connections=connections)
    second = {reply.number: _voucher(reply) for reply in _answered(again, len(hall.tokens))}
    if {number: voucher for number, voucher in second.items() if voucher} != first:
        raise RuntimeError("asked again, some were told otherwise")
    say(f"Asked again, each was told the same: {again.seconds:.1f} s, {again.rate:,.0f} a second.")


def _steady(hall: Hall, address: str, plan: Plan) -> None:
    """Latencies from when each request was due."""
    print("\n### First logins at a steady rate\n")
    print("| asked a second | answered | p50, ms | p99, ms | worst, ms |\n|---|---|---|---|---|")
    for rate in RATES:
        tokens = hall.tokens[: rate * 2 * plan.seconds]
        campaign = hall.campaign()
        crowd = burst(address, _path(campaign), tokens, connections=256, rate=rate)
        _check(campaign, crowd, len(tokens), QUOTA)
        print(f"| {rate:,} | {crowd.rate:,.0f} | {crowd.p50:.1f} | {crowd.p99:.1f} | {crowd.worst:.1f} |", flush=True)


def _path(campaign: Campaign) -> str:
    return f"/api/v1/campaigns/{campaign.slug}/first-login/"


def _answered(crowd: Crowd, asked: int) -> tuple[Reply, ...]:
    statuses = Counter(reply.status for reply in crowd.replies)
    if crowd.broken or crowd.answered != asked or set(statuses) - {200, 201}:
        raise RuntimeError(f"{crowd.answered} of {asked} were answered, {crowd.broken} broke: {dict(statuses)}")
    return crowd.replies


def _voucher(reply: Reply) -> str:
    """The id of the voucher that the answer tells of, or an empty string."""
    voucher = reply.json().get("voucher") if '"voucher"' in reply.body else None
    return voucher["id"] if voucher else ""


def _check(campaign: Campaign, crowd: Crowd, asked: int, quota: int) -> dict[int, str]:
    """Raise unless all were answered and the table says what they were told; the winners' vouchers by their place."""
    told = {reply.number: _voucher(reply) for reply in _answered(crowd, asked) if reply.status == 201}
    rows = list(Voucher.objects.filter(campaign=campaign).values_list("id", "rank", "customer_id"))
    won = min(quota, asked)
    if (
        sorted(rank for _, rank, _ in rows) != list(range(1, won + 1))
        or len({customer for *_, customer in rows}) != won
        or {str(pk) for pk, *_ in rows} != set(told.values())
        or FirstLogin.objects.filter(campaign=campaign).count() != asked
    ):
        raise RuntimeError(f"{len(rows)} vouchers for a quota of {quota}, {len(told)} told")
    return told


def _open_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


@contextlib.contextmanager
def _memory(address: str) -> Iterator[list[int]]:
    """MiB in memory of all processes behind this address, looked at ten times a second; the first is from before."""
    sizes, ended = [_resident(address)], threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            sizes.append(_resident(address))

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield sizes
    finally:
        ended.set()
        watch.join()


def _resident(address: str) -> int:
    """The server and its workers are one process group, whose first names the port."""
    told = subprocess.run(["ps", "-eo", "pgid=,rss=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in told.splitlines()]
    group = next(pgid for pgid, _, args in rows if f"--port {address.rpartition(':')[2]} " in args)
    return sum(int(size) for pgid, size, _ in rows if pgid == group) // 1024
