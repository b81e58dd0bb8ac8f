"""Segments of up to five million customers, filled and released by the queue, beside the same rows written bare; and
what it costs a quote to know whether the shopper is in a promotion's segment.

"Bare" is one ``INSERT … SELECT`` of the members into a table with the same key: it looks at no slot and counts none.
"""

import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from accounts.contracts import Shopper
from accounts.models import Brand
from benchmarks import seed_data
from benchmarks.scenarios import Plan, interleaved, milliseconds, say, tell
from pricing import Cart, Line
from promotions.contracts import CandidateQuery
from promotions.selectors.candidates import candidates
from segments import services
from segments.models import Audience, CustomerSlots, Segment, State

BARE, FILL, FOUR, RELEASE = "bare INSERT … SELECT", "fill", "4 fills due at once", "release"
TABLE = "CREATE TABLE bench_member (segment_id uuid, customer_id bigint, PRIMARY KEY (segment_id, customer_id))"
ENDLESS = 86_400.0


def measure(plan: Plan) -> None:
    """Prints rows a second at each size, microseconds a row, and milliseconds of a quote's question."""
    sizes = [plan.size(full, full // 1_000) for full in (100_000, 1_000_000, 5_000_000)]
    owner = seed_data.brand("large")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(TABLE)
        cursor.execute(
            "INSERT INTO accounts_customer (customer_id) SELECT 'c' || n FROM generate_series(1, %s) n", [sizes[-1]]
        )
    costs = []
    for size in sizes:
        _audience(owner, size)
        seed_data.vacuum()
        first = _filled(owner, size)  # the customers' first segment: their rows of slots are made, too
        _released(owner, size)
        contenders: dict[str, Callable[[], float]] = {
            BARE: partial(_bare, owner, size),
            FILL: partial(_filled_and_back, owner, size),
            RELEASE: partial(_filled_and_released, owner, size),
        }
        if size < sizes[-1]:
            contenders[FOUR] = partial(_filled_and_back, owner, size, times=4)
        rounds = interleaved(Plan(plan.seconds, 3 if size < sizes[-1] else 2, plan.quick), contenders)
        tell(f"{size:,} customers", rounds, unit="rows a second", against=BARE)
        say(f"Their first segment of all: {first:,.0f} rows a second.")
        costs.append((size, 1e6 / statistics.median(rounds[FILL])))
    print("\n| customers | microseconds a row | ratio |\n|---|---|---|")
    for size, cost in costs:
        print(f"| {size:,} | {cost:.2f} | {cost / costs[0][1]:.2f} |")
    _questions(plan, sizes)


def _audience(owner: Brand, size: int) -> None:
    """The first so many customers."""
    audience = Audience.objects.create(brand=owner, segment_type=str(size), size=size)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO segments_audiencemember (audience_id, customer_id)"
            " SELECT %s, id FROM accounts_customer ORDER BY id LIMIT %s",
            [audience.pk, size],
        )


def _checkpointed(call: Callable[[], object]) -> float:
    """How many seconds a call takes, after a checkpoint: each pays for the whole pages that are logged after one."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _bare(owner: Brand, size: int) -> float:
    def write() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bench_member SELECT uuid_nil, customer_id FROM segments_audiencemember,"
                " (SELECT '00000000-0000-0000-0000-000000000000'::uuid AS uuid_nil) AS nil"
                " WHERE audience_id = (SELECT id FROM segments_audience WHERE brand_id = %s AND segment_type = %s)"
                " ORDER BY customer_id",
                [owner.pk, str(size)],
            )

    took = _checkpointed(write)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_member")
    return size / took


def _filled(owner: Brand, size: int, *, times: int = 1) -> float:
    now = timezone.now()
    made = Segment.objects.bulk_create(
        Segment(
            brand=owner, segment_type=str(size), start_date=now, end_date=now + timedelta(days=1 + number), due_at=now,
            audience_count=size,
        )
        for number in range(times)
    )  # fmt: skip
    took = _checkpointed(lambda: services.process_queue(at=now, budget=ENDLESS))
    counted = Segment.objects.filter(pk__in=[it.pk for it in made]).values_list("state", "members_count")
    if set(counted) != {(State.ACTIVE, size)}:
        raise RuntimeError(f"a segment of {size:,} is not filled: {list(counted)}")
    return size * times / took


def _released(owner: Brand, size: int) -> float:
    now, live = timezone.now(), Segment.objects.filter(brand=owner, deleted_at=None).count()
    services.delete(which=Q(brand=owner), at=now)
    took = _checkpointed(lambda: services.process_queue(at=now, budget=ENDLESS))
    if CustomerSlots.objects.exclude(used=0).exists():
        raise RuntimeError("slots are left")
    seed_data.vacuum()  # as autovacuum does in service
    return size * live / took


def _filled_and_back(owner: Brand, size: int, *, times: int = 1) -> float:
    rate = _filled(owner, size, times=times)
    _released(owner, size)
    return rate


def _filled_and_released(owner: Brand, size: int) -> float:
    _filled(owner, size)
    return _released(owner, size)


def _questions(plan: Plan, sizes: list[int]) -> None:
    """What the promotions of a cart are, by how many customers are in the segment of the one that there is."""
    now = timezone.now()
    asks: dict[str, CandidateQuery] = {}
    for size in [plan.size(100, 10), *sizes]:
        owner = seed_data.brand(f"asked-{size}")
        promotion, *_ = seed_data.promotions(owner, [seed_data.percent_off_sku("sku-0")], target_audience="kind")
        segment = Segment.objects.create(
            brand=owner, segment_type="kind", promotion_id=promotion.pk, start_date=now, due_at=now,
            end_date=now + timedelta(days=1), state=State.ACTIVE, members_count=size,
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO segments_segmentmember (segment_id, customer_id)"
                " SELECT %s, id FROM accounts_customer ORDER BY id LIMIT %s",
                [segment.pk, size],
            )
            cursor.execute("SELECT id, customer_id FROM accounts_customer ORDER BY id LIMIT 1 OFFSET %s", [size // 2])
            shopper = Shopper(*cursor.fetchone())
        line = Line(id="a", sku="sku-0", quantity=1, unit_price=1_000, brand=owner.slug)
        cart = Cart(currency="EUR", exponent=2, lines=(line,))
        asks[f"{size:,} in the segment"] = CandidateQuery(cart, owner.slug, [], shopper, now)
    seed_data.vacuum()
    contenders = {name: _asked(plan, ask) for name, ask in asks.items()}
    tell(
        "A quote's question for promotions",
        interleaved(plan, contenders),
        unit="milliseconds",
        against=min(asks, key=len),
    )


def _asked(plan: Plan, ask: CandidateQuery) -> Callable[[], float]:
    def run() -> float:
        if len(candidates(query=ask)) != 1:
            raise RuntimeError("the member does not get the promotion")
        return milliseconds(lambda: candidates(query=ask), seconds=plan.seconds)

    return run
