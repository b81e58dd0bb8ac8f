"""Processes that redeem coupons are killed at random: no limit is exceeded, nothing is lost, all counters are correct.

``STORM_ATTEMPTS=1000000 STORM_LIFE=30 make faults ARGS=tests/faults/test_coupon_storm.py`` runs longer.
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
from coupons import consistency, selectors, services
from coupons.contracts import RedemptionRequest
from coupons.errors import CouponLimitReached
from coupons.models import CouponDefinition, CouponRedemption
from redemptions.limits import rules
from redemptions.statuses import LIVE
from tests.factories import CouponFactory, CustomerFactory
from tests.faults.coupon_storm import CUSTOMERS, THREADS
from tests.platform import ROOT, database_url

pytestmark = [pytest.mark.fault, pytest.mark.timeout(7_200), pytest.mark.django_db(transaction=True)]
ATTEMPTS = int(os.environ.get("STORM_ATTEMPTS", "6000"))
PROCESSES, MAXIMUM, PER_USER = 4, 100, 5
LIFETIME_SECONDS = (2.0, float(os.environ.get("STORM_LIFE", "8")))  # seconds until a process is killed


class LoadRun:
    """Processes that are killed and restarted; ``kills`` counts the kills."""

    def __init__(self, directory: Path, coupons: list[CouponDefinition], customers: list[int]) -> None:
        self.home, self.kills, self.started = directory, 0, 0
        self.ids = [str(coupon.pk) for coupon in coupons]
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url(), "STORM_CUSTOMERS": ",".join(map(str, customers)),
            "COUPON_PROCESSES": str(PROCESSES), "WEB_THREADS": str(THREADS), "DATABASE_POOL": str(THREADS),
        }  # fmt: skip
        self.running: dict[subprocess.Popen[bytes], tuple[Path, float]] = {}
        self.started_at: dict[subprocess.Popen[bytes], float] = {}

    def keep_running(self) -> None:
        """Kill processes whose time is over, and start missing ones."""
        for process in list(self.running):
            if self._remaining_seconds(process) < 0:
                self._kill(process)
                self.kills += 1
        while len(self.running) < PROCESSES:
            self.started += 1
            file = self.home / f"{self.started}.told"
            command = [sys.executable, "-m", "tests.faults.coupon_storm", str(file), *self.ids]
            process = subprocess.Popen(command, env=self.environment, cwd=ROOT)
            self.running[process] = file, random.uniform(*LIFETIME_SECONDS)

    def _remaining_seconds(self, process: subprocess.Popen[bytes]) -> float:
        """Return the remaining seconds of a process, whose time starts when its file exists."""
        file, lifetime = self.running[process]
        started_at = self.started_at.setdefault(process, time.monotonic()) if file.exists() else time.monotonic()
        return lifetime - (time.monotonic() - started_at)

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        del self.running[process]
        assert process.poll() is None, "the process has exited by itself"
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def end(self) -> None:
        for process in list(self.running):
            with contextlib.suppress(AssertionError):
                self._kill(process)

    def attempts(self) -> int:
        return sum(file.stat().st_size for file in self.home.glob("*.attempts"))

    def told(self, event: str) -> set[uuid.UUID]:
        pattern = re.compile(rf"^{event} ([0-9a-f-]{{36}})$", re.MULTILINE)
        texts = (file.read_text() for file in self.home.glob("*.told"))
        return {uuid.UUID(pk) for text in texts for pk in pattern.findall(text)}


@pytest.fixture
def coupons() -> list[CouponDefinition]:
    """One coupon of each strategy."""
    strategies = ["exact", "sharded", "pool", "approximate"]
    limits = {"maximum_number_of_coupons": MAXIMUM, "maximum_number_of_coupons_per_user": PER_USER}
    return [CouponFactory(limit_strategy=strategy, title=strategy, **limits) for strategy in strategies]


@pytest.fixture
def load(tmp_path: Path, coupons: list[CouponDefinition]) -> Iterator[LoadRun]:
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = PROCESSES, THREADS
    customers = [customer.pk for customer in CustomerFactory.create_batch(CUSTOMERS)]
    run = LoadRun(tmp_path, coupons, customers)
    try:
        yield run
    finally:
        run.end()


def count_active() -> dict[uuid.UUID, int]:
    counts = CouponRedemption.objects.filter(status__in=LIVE).values("coupon_id").annotate(n=Count("pk"))
    return {row["coupon_id"]: row["n"] for row in counts}


def max_per_customer() -> int:
    counts = CouponRedemption.objects.filter(status__in=LIVE).values("coupon_id", "customer_id")
    return counts.annotate(n=Count("pk")).aggregate(most=Max("n"))["most"] or 0


def test_killed_processes_exceed_no_coupon_limit_and_lose_nothing(
    load: LoadRun, coupons: list[CouponDefinition]
) -> None:
    maximums: dict[str, int] = {}
    bound = rules.max_overshoot(cap=MAXIMUM, processes=PROCESSES, threads=THREADS)
    uncounted = rules.flush_size(cap=MAXIMUM, processes=PROCESSES) - 1

    # given processes that redeem, reserve, confirm, release, return and expire, and are killed every few seconds
    recounted_at = 0.0
    while load.attempts() < ATTEMPTS:
        load.keep_running()
        if time.monotonic() - recounted_at > 60:
            consistency.recount_approximate(at=timezone.now())
            recounted_at = time.monotonic()
        active = count_active()
        maximums = {coupon.title: max(maximums.get(coupon.title, 0), active.get(coupon.pk, 0)) for coupon in coupons}
        assert max(maximums[strict] for strict in ("exact", "sharded", "pool")) <= MAXIMUM
        assert maximums["approximate"] <= MAXIMUM + bound + load.kills * uncounted
        assert max_per_customer() <= PER_USER
        time.sleep(0.2)
    attempts, kills = load.attempts(), load.kills
    load.end()
    print(f"\n{attempts} attempts, {kills} processes killed, highest active counts: {maximums}")

    # then processes were killed, and every limit was reached and none exceeded
    assert kills > 0
    assert min(maximums.values()) >= MAXIMUM

    # and reservations are released, confirmed redemptions that were not returned exist, and no counter differs
    services.expire_due(at=timezone.now() + timedelta(hours=2))
    consistency.recount_approximate(at=timezone.now())
    assert not CouponRedemption.objects.filter(status="reserved").exists()
    confirmed = set(CouponRedemption.objects.filter(status="confirmed").values_list("pk", flat=True))
    assert load.told("confirmed") - load.told("refund") <= confirmed
    call_command("check_consistency")

    # and all remaining units can be redeemed, one after another
    for coupon in coupons:
        remaining = selectors.remaining(coupons=[coupon.pk])[coupon.pk]
        assert remaining == max(0, MAXIMUM - count_active().get(coupon.pk, 0))
        for _ in range(remaining):
            services.redeem(
                coupon=coupon.pk, request=RedemptionRequest(uuid7(), CustomerFactory().pk), at=timezone.now()
            )
        if coupon.limit_strategy == "approximate":
            consistency.recount_approximate(at=timezone.now())
        with pytest.raises(CouponLimitReached):
            services.redeem(
                coupon=coupon.pk, request=RedemptionRequest(uuid7(), CustomerFactory().pk), at=timezone.now()
            )
    call_command("check_consistency")
