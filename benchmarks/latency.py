"""Latency at a fixed rate, counted from when each request was due: a slow answer makes others late, not fewer."""

import asyncio
import itertools
import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks import seed_data
from benchmarks.environment import served
from benchmarks.scenarios import Plan

CONNECTIONS = 32
RATES = (50, 100, 200, 400)


@dataclass(frozen=True, slots=True)
class Open:
    """What an open loop saw: answers a second and milliseconds from when each was due."""

    rate: float
    p50: float
    p99: float
    refused: int


def measure(plan: Plan) -> None:
    """Prints the latency of uses and quotes at rising rates; where the rate is not kept, the server was too slow."""
    owner = seed_data.brand("latency")
    shoppers = seed_data.shoppers(plan.size(5_000, 200))
    codes = seed_data.discount_codes(owner, plan.size(50, 20))
    seed_data.promotions(owner, [seed_data.percent_off_sku(f"sku-{n}") for n in range(100)])
    seed_data.vacuum()
    tokens = [line.split()[1] for line in shoppers.file.read_text().splitlines()]
    pairs = ((token, f"BENCH{code}") for code in range(1, len(codes)) for token in tokens)
    cart = json.dumps(seed_data.cart("latency", codes=[f"BENCH{len(codes)}"]))
    uses = (_request("/api/v1/discountcodeusage/", token, f'{{"discount_code":"{code}"}}') for token, code in pairs)
    quotes = (_request("/api/v1/checkout/quote/", token, cart) for token in itertools.cycle(tokens))
    with served("promoplatform.wsgi:application") as address:
        port = urlsplit(address).port or 0
        for title, requests in (("uses", uses), ("quotes", quotes)):
            print(f"\n### Latency of {title}\n\n| asked a second | answered | p50, ms | p99, ms |\n|---|---|---|---|")
            for rate in RATES:
                rounds = [asyncio.run(_open_loop(port, requests, rate, plan.seconds)) for _ in range(plan.rounds)]
                p50, p99 = (statistics.median(each) for each in zip(*((it.p50, it.p99) for it in rounds), strict=True))
                answered = statistics.median(it.rate for it in rounds)
                print(f"| {rate} | {answered:,.0f} | {p50:.1f} | {p99:.1f} |", flush=True)
                if any(it.refused for it in rounds):
                    raise RuntimeError(f"{sum(it.refused for it in rounds)} {title} were refused")


def _request(path: str, token: str, body: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def _open_loop(port: int, requests: Iterator[bytes], rate: int, seconds: int) -> Open:
    loop, due = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes] | None]()
    late: list[float] = []
    refused = 0

    async def connection() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (wanted := await due.get()) is not None:
            at, request = wanted
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
            late.append((loop.time() - at) * 1000)
            refused += head.split(b" ", 2)[1][:1] != b"2"
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
    cuts = statistics.quantiles(late, n=100)
    return Open(len(late) / (loop.time() - started), cuts[49], cuts[98], refused)
