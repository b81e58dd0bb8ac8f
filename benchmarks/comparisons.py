"""A code on a cart of five lines, and its redemption: this platform and django-oscar, on the same PostgreSQL, in turns.

django-oscar needs a virtual environment of its own, which BENCH_OSCAR_PYTHON names; without it, this is skipped.

The two do not do the same. **A code on a cart:** Oscar stores a basket in its database and adds the voucher to it; the
platform receives the cart and writes nothing.

**A redemption:** both decide under a lock whether the code may be used and record who used it.

- Oscar's order loads and prices the basket, locks the voucher, writes the use and adds it to voucher and offer. It also
  writes the order that a shop needs: lines, prices, discounts and stock. It has no total usage limit, web request,
  pages, payment or mail; the same order without a voucher is measured, too.
- The platform's redemption of a coupon is the whole request: token, throttling, snapshot, a usage limit in total and
  per customer, the row. It prices nothing and stores no order. Reserving and confirming takes two such requests.
- The platform's checkout is nearest to Oscar's order: it receives the cart, prices it with the coupon's code, reserves
  the coupon for that order and then confirms it, in two requests. The order itself belongs to the shop.
"""

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.utils import timezone

from accounts.models import Brand
from benchmarks import in_process, seed_data
from benchmarks.environment import database_url
from benchmarks.load import ToolMissing
from benchmarks.scenarios import Plan, Rounds, measure_milliseconds, print_result
from coupons.models import CouponDefinition, CouponRedemption
from coupons.services import CodesSpec, create
from redemptions.limits.models import Limit
from redemptions.limits.rules import EXACT_TOTAL
from redemptions.statuses import RedemptionStatus

DATABASE = "promo_benchmarks_oscar"
FOLDER = Path(__file__).parent / "oscar"
START = "import sys, django; django.setup(); import run; run.main(sys.argv[1:])"
CHECKOUT, COUPONS = "/api/v1/checkout/", "/api/v1/coupons/"
CODE, LIMIT = "PEERTEN", 1_000_000_000


def measure(plan: Plan) -> None:
    """Print requests per second, in one process, one after another."""
    python = os.environ.get("BENCH_OSCAR_PYTHON")
    if not python:
        raise ToolMissing("BENCH_OSCAR_PYTHON must name a Python with django-oscar (see docs/benchmarks.md)")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    _oscar(python, "setup")
    platform = _PlatformCalls(plan)
    seed_data.vacuum()
    cart_rates: Rounds = {
        "django-oscar, the view": [],
        "django-oscar, the call alone": [],
        "a quote, the whole request": [],
    }
    redemption_rates: Rounds = {
        "django-oscar, an order with the code": [],
        "django-oscar, an order without the code": [],
    }
    redemption_rates |= {name: [] for name in platform.uses}
    for _ in range(plan.rounds):
        oscar = json.loads(_oscar(python, "measure", str(plan.seconds)))
        quote = measure_milliseconds(platform.quote, seconds=plan.seconds)
        platform_times = [measure_milliseconds(call, seconds=plan.seconds) for call in platform.uses.values()]
        _add_rates(cart_rates, [oscar["view"], oscar["verb"], quote])
        _add_rates(redemption_rates, [oscar["order"], oscar["plain"], *platform_times])
    platform.check()
    print_result("A code on a cart of 5 lines", cart_rates, unit="per second", against="django-oscar, the view")
    print_result(
        "A redemption of the code", redemption_rates, unit="per second", against="django-oscar, an order with the code"
    )


def _add_rates(rounds: Rounds, durations: Sequence[float]) -> None:
    for values, duration in zip(rounds.values(), durations, strict=True):
        values.append(1000 / duration)


class _PlatformCalls:
    """Calls of this platform, each by the next shopper."""

    def __init__(self, plan: Plan) -> None:
        brand = seed_data.create_brand("peer")
        seed_data.create_discount_codes(brand, 100)
        self._coupon = _create_coupon(brand)
        lines = seed_data.create_shoppers(plan.choose_size(2_000, 50)).file.read_text().splitlines()
        self._tokens = itertools.cycle(line.split()[1] for line in lines)
        self._orders = itertools.count()
        self._redeemed = 0
        self.uses: dict[str, Callable[[], None]] = {
            "a coupon redeemed, the whole request": self._redeem,
            "a coupon reserved and confirmed, two requests": self._reserve,
            "checkout with its code, reserved and confirmed, two requests": self._check_out,
        }

    def quote(self) -> None:
        in_process.post(f"{CHECKOUT}quote/", seed_data.build_cart("peer", codes=["BENCH1"]), next(self._tokens))

    def check(self) -> None:
        """Check that each redemption was recorded and counted once. Raises RuntimeError."""
        rows = CouponRedemption.objects.filter(coupon=self._coupon, status=RedemptionStatus.CONFIRMED).count()
        counted = Limit.objects.get(owner=self._coupon.pk, scope=EXACT_TOTAL).taken
        if not rows == counted == self._redeemed:
            raise RuntimeError(f"{self._redeemed} redemptions, {rows} rows, {counted} counted")

    def _redeem(self) -> None:
        in_process.post(f"{COUPONS}{self._coupon.pk}/redemptions/", {"code": CODE}, next(self._tokens))
        self._redeemed += 1

    def _reserve(self) -> None:
        self._in_two(
            f"{COUPONS}{self._coupon.pk}/reservations/", {"ttl_seconds": 600, "code": CODE}, f"{COUPONS}redemptions/"
        )

    def _check_out(self) -> None:
        cart = seed_data.build_cart("peer", codes=[CODE], order=f"peer-{next(self._orders)}")
        self._in_two(f"{CHECKOUT}redemptions/", cart, f"{CHECKOUT}redemptions/")

    def _in_two(self, path: str, body: dict[str, Any], base_path: str) -> None:
        token = next(self._tokens)
        reservation = json.loads(in_process.post(path, body, token))
        redemption_id = (
            reservation["coupon_redemption_id"] if "coupon_redemption_id" in reservation else reservation["id"]
        )
        in_process.post(f"{base_path}{redemption_id}/confirm/", {}, token)
        self._redeemed += 1


def _create_coupon(brand: Brand) -> CouponDefinition:
    """Create an active coupon of 10% with a generic code and both usage limits, which are not reached."""
    at, day = timezone.now(), timedelta(days=1)
    fields = {
        "title": "Ten", "start_date": at - day, "end_date": at + day, "maximum_number_of_coupons": LIMIT,
        "maximum_number_of_coupons_per_user": LIMIT,
        "offer": {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]},
    }  # fmt: skip
    coupon, _ = create(brand=brand, fields=fields, codes=CodesSpec(shared=CODE), by=None, at=at)
    return coupon


def _oscar(python: str, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment["DJANGO_SETTINGS_MODULE"] = "settings"
    environment["OSCAR_DATABASE_URL"] = database_url(os.environ["DATABASE_URL"], DATABASE)
    process = subprocess.run(
        [python, "-c", START, *arguments], cwd=FOLDER, env=environment, capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise RuntimeError(process.stderr[-3000:])
    return process.stdout
