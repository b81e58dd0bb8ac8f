"""Processes that redeem coupons are killed at random: no maximum is passed, nothing is lost, every ledger is right.

``STORM_ATTEMPTS=1000000 STORM_LIFE=30 make faults ARGS=tests/faults/test_coupon_storm.py`` goes on for longer.
"""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.models import Count, Max
from django.utils import timezone

from core.ids import uuid7
from coupons import consistency, rules, selectors, services
from coupons.contracts import RedemptionRequest
from coupons.errors import CouponLimitReached
from coupons.models import ACTIVE_STATUSES, CouponDefinition, CouponRedemption
from tests.factories import CouponFactory, CustomerFactory
from tests.faults.coupon_storm import CUSTOMERS, THREADS
from tests.platform import ROOT, database_url

pytestmark = [pytest.mark.fault, pytest.mark.timeout(7_200), pytest.mark.django_db(transaction=True)]
ATTEMPTS = int(os.environ.get("STORM_ATTEMPTS", "6000"))
PROCESSES, MAXIMUM, PER_USER = 4, 100, 5
LIFE = (2.0, float(os.environ.get("STORM_LIFE", "8")))  # seconds until a process is killed


class Storm:
    """Processes that are killed and started again; ``died`` counts the deaths."""

    def __init__(self, home: Path, coupons: list[CouponDefinition], customers: list[int]) -> None:
        self.home, self.died, self.started = home, 0, 0
        self.ids = [str(coupon.pk) for coupon in coupons]
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url(), "STORM_CUSTOMERS": ",".join(map(str, customers)),
            "COUPON_PROCESSES": str(PROCESSES), "WEB_THREADS": str(THREADS), "DATABASE_POOL": str(THREADS),
        }  # fmt: skip
        self.running: dict[subprocess.Popen[bytes], tuple[Path, float]] = {}
        self.began: dict[subprocess.Popen[bytes], float] = {}

    def keep_up(self) -> None:
        """Kill whose time has come, and start another for each that is missing."""
        for process in list(self.running):
            if self._life(process) < 0:
                self._kill(process)
                self.died += 1
        while len(self.running) < PROCESSES:
            self.started += 1
            file = self.home / f"{self.started}.told"
            command = [sys.executable, "-m", "tests.faults.coupon_storm", str(file), *self.ids]
            process = subprocess.Popen(command, env=self.environment, cwd=ROOT)
            self.running[process] = file, random.uniform(*LIFE)

    def _life(self, process: subprocess.Popen[bytes]) -> float:
        """How many seconds are left to a process, which begins to live when its file is there."""
        file, life = self.running[process]
        began = self.began.setdefault(process, time.monotonic()) if file.exists() else time.monotonic()
        return life - (time.monotonic() - began)

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        del self.running[process]
        assert process.poll() is None, "it ended of itself"
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def end(self) -> None:
        for process in list(self.running):
            with contextlib.suppress(AssertionError):
                self._kill(process)

    def attempts(self) -> int:
        return sum(file.stat().st_size for file in self.home.glob("*.attempts"))

    def told(self, what: str) -> set[uuid.UUID]:
        found = re.compile(rf"^{what} ([0-9a-f-]{{36}})$", re.MULTILINE)
        texts = (file.read_text() for file in self.home.glob("*.told"))
        return {uuid.UUID(pk) for text in texts for pk in found.findall(text)}


@pytest.fixture
def coupons() -> list[CouponDefinition]:
    """One of each strategy."""
    strategies = ["exact", "sharded", "pool", "approximate"]
    limits = {"maximum_number_of_coupons": MAXIMUM, "maximum_number_of_coupons_per_user": PER_USER}
    return [CouponFactory(limit_strategy=strategy, title=strategy, **limits) for strategy in strategies]


@pytest.fixture
def storm(tmp_path: Path, coupons: list[CouponDefinition]) -> Iterator[Storm]:
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = PROCESSES, THREADS
    customers = [customer.pk for customer in CustomerFactory.create_batch(CUSTOMERS)]
    raging = Storm(tmp_path, coupons, customers)
    try:
        yield raging
    finally:
        raging.end()


def standing() -> dict[uuid.UUID, int]:
    found = CouponRedemption.objects.filter(status__in=ACTIVE_STATUSES).values("coupon_id").annotate(n=Count("pk"))
    return {row["coupon_id"]: row["n"] for row in found}


def most_of_one_shopper() -> int:
    found = CouponRedemption.objects.filter(status__in=ACTIVE_STATUSES).values("coupon_id", "customer_id")
    return found.annotate(n=Count("pk")).aggregate(most=Max("n"))["most"] or 0


def test_a_storm_of_shoppers_whose_processes_are_killed_passes_no_limit_and_loses_nothing(
    storm: Storm, coupons: list[CouponDefinition]
) -> None:
    most: dict[str, int] = {}
    bound = rules.max_overshoot(cap=MAXIMUM, processes=PROCESSES, threads=THREADS)
    uncounted = rules.flush_size(cap=MAXIMUM, processes=PROCESSES) - 1

    # given processes that redeem, reserve, confirm, release, refund and sweep, and are killed every few seconds
    recounted = 0.0
    while storm.attempts() < ATTEMPTS:
        storm.keep_up()
        if time.monotonic() - recounted > 60:
            consistency.recount_approximate(at=timezone.now())
            recounted = time.monotonic()
        now = standing()
        most = {coupon.title: max(most.get(coupon.title, 0), now.get(coupon.pk, 0)) for coupon in coupons}
        assert max(most[strict] for strict in ("exact", "sharded", "pool")) <= MAXIMUM
        assert most["approximate"] <= MAXIMUM + bound + storm.died * uncounted
        assert most_of_one_shopper() <= PER_USER
        time.sleep(0.2)
    made, died = storm.attempts(), storm.died
    storm.end()
    print(f"\n{made} attempts, {died} processes killed, most at once: {most}")

    # then it was a storm, every maximum was reached and none passed
    assert died > 0
    assert min(most.values()) >= MAXIMUM

    # and what was reserved goes back, what was confirmed and not refunded is there, and nothing differs
    services.expire_due(at=timezone.now() + timedelta(hours=2))
    consistency.recount_approximate(at=timezone.now())
    assert not CouponRedemption.objects.filter(status="reserved").exists()
    confirmed = set(CouponRedemption.objects.filter(status="confirmed").values_list("pk", flat=True))
    assert storm.told("confirmed") - storm.told("refund") <= confirmed
    call_command("audit_ledgers")

    # and every place that is left can still be had, one at a time
    for coupon in coupons:
        left = selectors.remaining(coupons=[coupon.pk])[coupon.pk]
        assert left == max(0, MAXIMUM - standing().get(coupon.pk, 0))
        for _ in range(left):
            services.redeem(coupon=coupon.pk, request=RedemptionRequest(uuid7(), CustomerFactory().pk), at=timezone.now())
        if coupon.limit_strategy == "approximate":
            consistency.recount_approximate(at=timezone.now())
        with pytest.raises(CouponLimitReached):
            services.redeem(coupon=coupon.pk, request=RedemptionRequest(uuid7(), CustomerFactory().pk), at=timezone.now())
    call_command("audit_ledgers")
