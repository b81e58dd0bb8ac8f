"""A code on a cart of five lines, and its use: this platform beside django-oscar, on the same PostgreSQL, turn by turn.

django-oscar lives in a virtual environment of its own, which BENCH_OSCAR_PYTHON names; without it this is skipped.

The two do not do the same. **A code on a cart:** oscar keeps a basket in its database and writes the voucher to it, the
platform is sent the cart and writes nothing.

**A use of it:** both decide under a lock whether it may be used and record who used it, at once and for good.

- oscar's order loads and prices its basket, locks the voucher, writes the use and adds it up on voucher and offer, and
  besides writes the order that a shop needs: its lines, prices, discounts and stock. It has no maximum in all, no web
  request, no pages, payment or mail; what the same order takes without a voucher stands beside it.
- the platform's redemption of a coupon is the whole request: token, limit on calls, look, a maximum in all and one for
  each customer, the row. It prices nothing and keeps no order. Reserved and confirmed, it is two such requests.
- the platform's checkout does what is nearest to oscar's order: it is sent the cart, prices it with the coupon's code,
  holds the coupon for that order and then makes it final, in two requests. The order itself is the shop's, not its own.
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
from benchmarks.scenarios import Plan, Rounds, milliseconds, tell
from coupons.models import CouponCounter, CouponDefinition, CouponRedemption, Status
from coupons.services import CodesSpec, create

DATABASE = "promo_benchmarks_oscar"
FOLDER = Path(__file__).parent / "oscar"
START = "import sys, django; django.setup(); import run; run.main(sys.argv[1:])"
CHECKOUT, COUPONS = "/api/v1/checkout/", "/api/v1/coupons/"
CODE, PLENTY = "PEERTEN", 1_000_000_000


def measure(plan: Plan) -> None:
    """Prints requests a second, in one process, one after the other."""
    python = os.environ.get("BENCH_OSCAR_PYTHON")
    if not python:
        raise ToolMissing("BENCH_OSCAR_PYTHON names no Python that has django-oscar (see docs/benchmarks.md)")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    _oscar(python, "setup")
    platform = _Platform(plan)
    seed_data.vacuum()
    on_cart: Rounds = {
        "django-oscar, the view": [],
        "django-oscar, the verb alone": [],
        "a quote, the whole request": [],
    }
    used: Rounds = {"django-oscar, an order with it": [], "django-oscar, an order without": []}
    used |= {name: [] for name in platform.uses}
    for _ in range(plan.rounds):
        theirs = json.loads(_oscar(python, "measure", str(plan.seconds)))
        quote = milliseconds(platform.quote, seconds=plan.seconds)
        ours = [milliseconds(call, seconds=plan.seconds) for call in platform.uses.values()]
        _note(on_cart, [theirs["view"], theirs["verb"], quote])
        _note(used, [theirs["order"], theirs["plain"], *ours])
    platform.check()
    tell("A code on a cart of 5 lines", on_cart, unit="a second", against="django-oscar, the view")
    tell("A use of it, recorded", used, unit="a second", against="django-oscar, an order with it")


def _note(rounds: Rounds, taken: Sequence[float]) -> None:
    for values, each in zip(rounds.values(), taken, strict=True):
        values.append(1000 / each)


class _Platform:
    """What is asked of this platform, by one shopper after the other."""

    def __init__(self, plan: Plan) -> None:
        owner = seed_data.brand("peer")
        seed_data.discount_codes(owner, 100)
        self._coupon = _coupon(owner)
        lines = seed_data.shoppers(plan.size(2_000, 50)).file.read_text().splitlines()
        self._tokens = itertools.cycle(line.split()[1] for line in lines)
        self._orders = itertools.count()
        self._redeemed = 0
        self.uses: dict[str, Callable[[], None]] = {
            "a coupon redeemed, the whole request": self._redeem,
            "a coupon reserved and confirmed, two requests": self._reserve,
            "checkout with its code, reserved and confirmed, two requests": self._check_out,
        }

    def quote(self) -> None:
        in_process.post(f"{CHECKOUT}quote/", seed_data.cart("peer", codes=["BENCH1"]), next(self._tokens))

    def check(self) -> None:
        """Raises RuntimeError unless each use was recorded, once, and counted."""
        rows = CouponRedemption.objects.filter(coupon=self._coupon, status=Status.CONFIRMED).count()
        counted = CouponCounter.objects.get(coupon=self._coupon).taken
        if not rows == counted == self._redeemed:
            raise RuntimeError(f"{self._redeemed} uses, {rows} rows, {counted} counted")

    def _redeem(self) -> None:
        in_process.post(f"{COUPONS}{self._coupon.pk}/redemptions/", {}, next(self._tokens))
        self._redeemed += 1

    def _reserve(self) -> None:
        self._in_two(f"{COUPONS}{self._coupon.pk}/reservations/", {"ttl_seconds": 600}, f"{COUPONS}redemptions/")

    def _check_out(self) -> None:
        cart = seed_data.cart("peer", codes=[CODE], order=f"peer-{next(self._orders)}")
        self._in_two(f"{CHECKOUT}redemptions/", cart, f"{CHECKOUT}redemptions/")

    def _in_two(self, path: str, body: dict[str, Any], made: str) -> None:
        token = next(self._tokens)
        held = json.loads(in_process.post(path, body, token))
        key = held["coupon_redemption_id"] if "coupon_redemption_id" in held else held["id"]
        in_process.post(f"{made}{key}/confirm/", {}, token)
        self._redeemed += 1


def _coupon(owner: Brand) -> CouponDefinition:
    """A running coupon of ten per cent with a code for everyone and both maxima, which are not reached."""
    at, day = timezone.now(), timedelta(days=1)
    fields = {
        "title": "Ten", "start_date": at - day, "end_date": at + day, "maximum_number_of_coupons": PLENTY,
        "maximum_number_of_coupons_per_user": PLENTY,
        "offer": {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]},
    }  # fmt: skip
    coupon, _ = create(brand=owner, fields=fields, codes=CodesSpec(shared=CODE), by=None, at=at)
    return coupon


def _oscar(python: str, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment["DJANGO_SETTINGS_MODULE"] = "settings"
    environment["OSCAR_DATABASE_URL"] = database_url(os.environ["DATABASE_URL"], DATABASE)
    done = subprocess.run(
        [python, "-c", START, *arguments], cwd=FOLDER, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return done.stdout
