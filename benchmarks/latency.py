"""Latency at a fixed rate, measured from when each request was due: a slow response delays the following ones."""

import asyncio
import itertools
import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks import seed_data
from benchmarks.environment import serve
from benchmarks.scenarios import Plan

CONNECTIONS = 32
RATES = (50, 100, 200, 400)


@dataclass(frozen=True, slots=True)
class LoopResult:
    """Result of an open loop: responses per second, and milliseconds from when each request was due."""

    rate: float
    p50: float
    p99: float
    rejected: int


def measure(plan: Plan) -> None:
    """Print the latency of redemptions and quotes at rising rates; a rate that is not reached is too high."""
    brand = seed_data.create_brand("latency")
    shoppers = seed_data.create_shoppers(plan.choose_size(5_000, 200))
    codes = seed_data.create_discount_codes(brand, plan.choose_size(50, 20))
    seed_data.create_promotions(brand, [seed_data.build_sku_offer(f"sku-{n}") for n in range(100)])
    seed_data.vacuum()
    tokens = [line.split()[1] for line in shoppers.file.read_text().splitlines()]
    pairs = ((token, f"BENCH{code}") for code in range(1, len(codes)) for token in tokens)
    cart = json.dumps(seed_data.build_cart("latency", codes=[f"BENCH{len(codes)}"]))
    redemptions = (
        _request("/api/v1/discountcodeusage/", token, f'{{"discount_code":"{code}"}}') for token, code in pairs
    )
    quotes = (_request("/api/v1/checkout/quote/", token, cart) for token in itertools.cycle(tokens))
    with serve("promoplatform.wsgi:application") as address:
        port = urlsplit(address).port or 0
        for title, requests in (("redemptions", redemptions), ("quotes", quotes)):
            print(f"\n### Latency of {title}\n")
            print("| requests per second | responses per second | p50, ms | p99, ms |\n|---|---|---|---|")
            for rate in RATES:
                rounds = [asyncio.run(_open_loop(port, requests, rate, plan.seconds)) for _ in range(plan.rounds)]
                p50, p99 = (
                    statistics.median(values)
                    for values in zip(*((result.p50, result.p99) for result in rounds), strict=True)
                )
                rate_reached = statistics.median(result.rate for result in rounds)
                print(f"| {rate} | {rate_reached:,.0f} | {p50:.1f} | {p99:.1f} |", flush=True)
                if any(result.rejected for result in rounds):
                    raise RuntimeError(f"{sum(result.rejected for result in rounds)} {title} were rejected")


def _request(path: str, token: str, body: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def _open_loop(port: int, requests: Iterator[bytes], rate: int, seconds: int) -> LoopResult:
    loop, due = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes] | None]()
    latencies: list[float] = []
    rejected = 0

    async def connection() -> None:
        nonlocal rejected
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (item := await due.get()) is not None:
            at, request = item
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
            latencies.append((loop.time() - at) * 1000)
            rejected += head.split(b" ", 2)[1][:1] != b"2"
        writer.close()

    workers = [asyncio.create_task(connection()) for _ in range(CONNECTIONS)]
    await asyncio.sleep(0.2)
    started = loop.time()
    for number in range(rate * seconds):
        at = started + number / rate
        await asyncio.sleep(max(0.0, at - loop.time()))
        due.put_nowait((at, next(requests)))
    for _ in workers:
        due.put_nowait(None)
    await asyncio.gather(*workers)
    percentiles = statistics.quantiles(latencies, n=100)
    return LoopResult(len(latencies) / (loop.time() - started), percentiles[49], percentiles[98], rejected)
