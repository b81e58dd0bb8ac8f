"""Writers of orders are killed while they share codes with balances: no balance is lost, doubled or below zero.

``MOVEMENTS=1000000 make faults ARGS=tests/faults/test_balance_faults.py`` runs more orders.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Min, Sum
from django.utils import timezone

from checkout.services import release_expired
from redemptions.balances.models import BalanceMovement
from redemptions.limits.models import Limit
from redemptions.uses.models import OfferUse
from tests.factories import BrandFactory, PromotionFactory
from tests.platform import ROOT, database_url, wait_until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(14_400), pytest.mark.django_db(transaction=True)]
MOVEMENTS = int(os.environ.get("MOVEMENTS", "4000"))
WRITERS = 16
LIFETIME_SECONDS = (1.0, float(os.environ.get("WRITER_LIFE", "8")))  # from the first order until a process is killed
SHARED_CODES = 16  # that last; an order takes a little of each of several, so that it makes many movements
BALANCES = {f"GOODWILL-{number}": MOVEMENTS * 100 for number in range(SHARED_CODES)} | {"SORRY": 90_00, "SMALL": 7_50}
MAX_DISCOUNT = "0.60"  # of one of the codes that last, in an order


class Writers:
    """Processes that send orders, are killed at random and started again. ``kills`` counts how often."""

    def __init__(self, arguments: list[str]) -> None:
        self.command = [sys.executable, "-m", "tests.faults.balance_storm", *arguments]
        self.kills = 0
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url(),
        }  # fmt: skip
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._keep_killing) for _ in range(WRITERS)]

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _keep_killing(self) -> None:
        while not self._stopped.is_set():
            with subprocess.Popen(self.command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                process.stdout.readline()
                self._stopped.wait(random.uniform(*LIFETIME_SECONDS))
                if process.poll() is None:
                    self.kills += 1
                process.send_signal(signal.SIGKILL)


def test_killed_writers_never_lose_or_double_a_balance() -> None:
    brand = BrandFactory()
    offers = {}
    for code, balance in BALANCES.items():
        value = f"{balance // 100}.{balance % 100:02}"
        benefit = {"kind": "amount", "value": value, "on": "order", "keep_balance": True}
        if code.startswith("GOODWILL"):
            benefit["max_discount"] = MAX_DISCOUNT
        promotion = PromotionFactory(brand=brand, offer={"benefits": [benefit]}, trigger="code", text=code)
        offers[promotion.pk] = balance

    # given sixteen writers that are killed every few seconds
    began = time.monotonic()
    with Writers([str(brand.pk), *BALANCES]) as writers:
        wait_until(lambda: BalanceMovement.objects.count() >= MOVEMENTS, "the orders are sent", 14_000, interval=2)
    count, seconds = BalanceMovement.objects.count(), time.monotonic() - began
    print(f"\n{count} movements in {seconds:.0f} s, writers killed: {writers.kills}")
    assert writers.kills >= WRITERS

    # then the movements of each code add up to its balance, which was never below zero
    call_command("check_consistency")
    lowest = BalanceMovement.objects.aggregate(lowest=Min("balance"))["lowest"]
    assert lowest >= 0
    for offer, balance in offers.items():
        moved = BalanceMovement.objects.filter(offer_id=offer).aggregate(total=Sum("amount"))["total"]
        (row,) = Limit.objects.filter(owner=offer, scope="balance:EUR")
        assert balance + moved == row.cap - row.taken >= 0

    # and each movement continues from the one before
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM (
                SELECT offer_id, amount, balance, lag(balance) OVER (PARTITION BY offer_id ORDER BY id) AS before
                FROM redemptions_balancemovement
            ) AS m WHERE before + amount <> balance
            """
        )
        assert cursor.fetchone() == (0,)

    # and when unpaid reservations are released, what is missing is what paid orders took
    release_expired(at=timezone.now() + timedelta(days=1))
    call_command("check_consistency")
    for offer in offers:
        uses = OfferUse.objects.filter(offer_id=offer)
        assert not uses.filter(reserved_until__isnull=False).exists()
        paid = sum(use.amount - use.returned_amount for use in uses)
        assert Limit.objects.get(owner=offer, scope="balance:EUR").taken == paid
