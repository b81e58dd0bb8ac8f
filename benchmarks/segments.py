"""Segments of up to five million customers, filled and released, compared with inserting the same rows directly.

Also the cost for a quote of checking whether the shopper is in the segment of a promotion. The plain insert is one
``INSERT … SELECT`` of the members into a table with the same key; it neither checks nor counts slots.
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
from benchmarks.scenarios import Plan, measure_interleaved, measure_milliseconds, print_line, print_result
from pricing import Cart, Line
from promotions.selectors.candidates import candidates
from redemptions.contracts import CandidateQuery
from segments import services
from segments.models import Audience, CustomerSlots, Segment, State

INSERT, FILL, FOUR_FILLS, RELEASE = "plain INSERT … SELECT", "fill", "4 fills due at once", "release"
TABLE = "CREATE TABLE bench_segment_member (segment_id uuid, customer_id bigint, PRIMARY KEY (segment_id, customer_id))"
NO_LIMIT_SECONDS = 86_400.0


def measure(plan: Plan) -> None:
    """Print rows per second at each size, microseconds per row, and milliseconds of finding a quote's promotions."""
    sizes = [plan.choose_size(full, full // 1_000) for full in (100_000, 1_000_000, 5_000_000)]
    brand = seed_data.create_brand("large")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(TABLE)
        cursor.execute(
            "INSERT INTO accounts_customer (customer_id) SELECT 'c' || n FROM generate_series(1, %s) n", [sizes[-1]]
        )
    costs = []
    for size in sizes:
        _create_audience(brand, size)
        seed_data.vacuum()
        first_rate = _run_fill(brand, size)  # the customers' first segment also creates their slot rows
        _run_release(brand, size)
        contenders: dict[str, Callable[[], float]] = {
            INSERT: partial(_run_insert, brand, size),
            FILL: partial(_run_fill_and_reset, brand, size),
            RELEASE: partial(_run_fill_and_release, brand, size),
        }
        if size < sizes[-1]:
            contenders[FOUR_FILLS] = partial(_run_fill_and_reset, brand, size, times=4)
        rounds = measure_interleaved(Plan(plan.seconds, 3 if size < sizes[-1] else 2, plan.quick), contenders)
        print_result(f"{size:,} customers", rounds, unit="rows per second", against=INSERT)
        print_line(f"Their first segment: {first_rate:,.0f} rows per second.")
        costs.append((size, 1e6 / statistics.median(rounds[FILL])))
    print("\n| customers | microseconds per row | ratio |\n|---|---|---|")
    for size, cost in costs:
        print(f"| {size:,} | {cost:.2f} | {cost / costs[0][1]:.2f} |")
    _measure_candidates(plan, sizes)


def _create_audience(brand: Brand, size: int) -> None:
    """Create an audience of the first customers."""
    audience = Audience.objects.create(brand=brand, segment_type=str(size), size=size)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO segments_audiencemember (audience_id, customer_id)"
            " SELECT %s, id FROM accounts_customer ORDER BY id LIMIT %s",
            [audience.pk, size],
        )


def _time_after_checkpoint(call: Callable[[], object]) -> float:
    """Return the seconds of a call after a checkpoint, so that each pays for its full-page writes."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _run_insert(brand: Brand, size: int) -> float:
    def write() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bench_segment_member SELECT uuid_nil, customer_id FROM segments_audiencemember,"
                " (SELECT '00000000-0000-0000-0000-000000000000'::uuid AS uuid_nil) AS nil"
                " WHERE audience_id = (SELECT id FROM segments_audience WHERE brand_id = %s AND segment_type = %s)"
                " ORDER BY customer_id",
                [brand.pk, str(size)],
            )

    duration = _time_after_checkpoint(write)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_segment_member")
    return size / duration


def _run_fill(brand: Brand, size: int, *, times: int = 1) -> float:
    now = timezone.now()
    segments = Segment.objects.bulk_create(
        Segment(
            brand=brand, segment_type=str(size), start_date=now, end_date=now + timedelta(days=1 + number), due_at=now,
            audience_count=size,
        )
        for number in range(times)
    )  # fmt: skip
    duration = _time_after_checkpoint(lambda: services.process_queue(at=now, budget=NO_LIMIT_SECONDS))
    results = Segment.objects.filter(pk__in=[segment.pk for segment in segments]).values_list("state", "members_count")
    if set(results) != {(State.ACTIVE, size)}:
        raise RuntimeError(f"a segment of {size:,} is not filled: {list(results)}")
    return size * times / duration


def _run_release(brand: Brand, size: int) -> float:
    now, live_count = timezone.now(), Segment.objects.filter(brand=brand, deleted_at=None).count()
    services.delete(which=Q(brand=brand), at=now)
    duration = _time_after_checkpoint(lambda: services.process_queue(at=now, budget=NO_LIMIT_SECONDS))
    if CustomerSlots.objects.exclude(used=0).exists():
        raise RuntimeError("used slots remain")
    seed_data.vacuum()  # as autovacuum does in production
    return size * live_count / duration


def _run_fill_and_reset(brand: Brand, size: int, *, times: int = 1) -> float:
    rate = _run_fill(brand, size, times=times)
    _run_release(brand, size)
    return rate


def _run_fill_and_release(brand: Brand, size: int) -> float:
    _run_fill(brand, size)
    return _run_release(brand, size)


def _measure_candidates(plan: Plan, sizes: list[int]) -> None:
    """Measure finding the promotions of a cart, by the number of customers in the segment of the only promotion."""
    now = timezone.now()
    queries: dict[str, CandidateQuery] = {}
    for size in [plan.choose_size(100, 10), *sizes]:
        brand = seed_data.create_brand(f"candidates-{size}")
        promotion, *_ = seed_data.create_promotions(brand, [seed_data.build_sku_offer("sku-0")], target_audience="kind")
        segment = Segment.objects.create(
            brand=brand, segment_type="kind", promotion_id=promotion.pk, start_date=now, due_at=now,
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
        line = Line(id="a", sku="sku-0", quantity=1, unit_price=1_000, brand=brand.slug)
        cart = Cart(currency="EUR", exponent=2, lines=(line,))
        queries[f"{size:,} in the segment"] = CandidateQuery(cart, brand.slug, [], shopper, now)
    seed_data.vacuum()
    contenders = {name: _candidates_call(plan, query) for name, query in queries.items()}
    print_result(
        "Promotions of a quote",
        measure_interleaved(plan, contenders),
        unit="milliseconds",
        against=min(queries, key=len),
    )


def _candidates_call(plan: Plan, query: CandidateQuery) -> Callable[[], float]:
    def run() -> float:
        if len(candidates(query=query)) != 1:
            raise RuntimeError("the member does not get the promotion")
        return measure_milliseconds(lambda: candidates(query=query), seconds=plan.seconds)

    return run
