"""Load process: threads that reserve, redeem, confirm, release, return and let expire, until they are killed.

    python -m tests.faults.coupon_storm <file for results> <coupon> …

Each attempt is one byte in ``<file>.attempts``; each confirmed redemption and each started return is a line.
"""

import contextlib
import os
import random
import sys
import threading
import uuid
from collections import deque
from datetime import timedelta
from pathlib import Path
from typing import IO

import django
from django.db import OperationalError
from django.utils import timezone

from core.errors import DomainError
from core.ids import uuid7

django.setup()

from coupons import services  # noqa: E402  (after Django)
from coupons.contracts import RedemptionRequest  # noqa: E402
from coupons.models import CouponDefinition, CouponRedemption  # noqa: E402
from redemptions.statuses import LIVE, RedemptionStatus  # noqa: E402

THREADS, CUSTOMERS = 4, 200
MAX_TTL = timedelta(seconds=2)  # short, so that many reservations expire while others are confirmed and released
ResultLog = IO[bytes]


class LoadGenerator:
    """Shoppers of one thread: their reservations and redemptions, as far as this process knows."""

    def __init__(self, coupons: list[uuid.UUID], customers: list[int], log: ResultLog) -> None:
        self.coupons, self.customers, self.told = coupons, customers, log
        self.held: deque[uuid.UUID] = deque(maxlen=200)
        self.had: deque[uuid.UUID] = deque(maxlen=200)

    def act(self) -> None:
        """Run one random action; more units are redeemed than released, so that every limit is reached."""
        actions = [self.redeem, self.redeem, self.reserve, self.reserve, self.confirm, self.release, self.refund]
        random.choice(actions)()

    def redeem(self) -> None:
        self._confirmed(self._take(None))

    def reserve(self) -> None:
        self.held.append(self._take(MAX_TTL * random.random()))

    def confirm(self) -> None:
        if self.held:
            self._confirmed(services.confirm(redemption=self._any(self.held), at=timezone.now()).pk)

    def release(self) -> None:
        if self.held:
            services.release(redemption=self._any(self.held), at=timezone.now())

    def refund(self) -> None:
        if not self.had or random.random() < 0.05:
            self._find()
        if self.had:
            redemption_id = self._any(self.had)
            self.told.write(b"refund %b\n" % str(redemption_id).encode())
            services.return_redemption(redemption=redemption_id, at=timezone.now())

    def _find(self) -> None:
        """Find the reservations and redemptions of one shopper, including those of killed processes."""
        redemptions = CouponRedemption.objects.filter(
            customer_id=random.choice(self.customers), coupon_id__in=self.coupons
        )
        for redemption_id, status in redemptions.filter(status__in=LIVE).values_list("pk", "status")[:20]:
            (self.had if status == RedemptionStatus.CONFIRMED else self.held).append(redemption_id)

    def _any(self, ids: deque[uuid.UUID]) -> uuid.UUID:
        """Return one of the ids; most are removed, so that some are also confirmed, released and returned twice."""
        chosen = random.choice(ids)
        if random.random() < 0.9:
            ids.remove(chosen)
        return chosen

    def _take(self, ttl: timedelta | None) -> uuid.UUID:
        at = timezone.now()
        request = RedemptionRequest(uuid7(), random.choice(self.customers), reserved_until=at + ttl if ttl else None)
        return services.redeem(coupon=random.choice(self.coupons), request=request, at=at).pk

    def _confirmed(self, redemption_id: uuid.UUID) -> None:
        self.told.write(b"confirmed %b\n" % str(redemption_id).encode())
        self.had.append(redemption_id)


def run(generator: LoadGenerator, attempts: ResultLog) -> None:
    """Run actions without end, ignoring all domain errors."""
    while True:
        with contextlib.suppress(DomainError, OperationalError):  # a lock timeout is ignored, too
            generator.act()
            if random.random() < 0.002:
                services.expire_due(at=timezone.now())
        attempts.write(b".")


def main(file: str, *ids: str) -> None:
    coupons = [uuid.UUID(pk) for pk in ids]
    customers = [int(pk) for pk in os.environ["STORM_CUSTOMERS"].split(",")]
    assert CouponDefinition.objects.filter(pk__in=coupons).count() == len(coupons)
    with Path(file).open("ab", buffering=0) as log, Path(f"{file}.attempts").open("ab", buffering=0) as attempts:
        generators = [LoadGenerator(coupons, customers, log) for _ in range(THREADS)]
        threads = [threading.Thread(target=run, args=[generator, attempts]) for generator in generators]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
