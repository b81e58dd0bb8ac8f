"""A process of a storm: threads that reserve, redeem, confirm, release, refund and let expire, until they are killed.

    python -m tests.faults.coupon_storm <file for what was answered> <coupon> …

Each attempt is one byte in ``<file>.attempts``; each answered confirmation and each refund that was begun is a line.
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
from coupons.models import ACTIVE_STATUSES, CouponDefinition, CouponRedemption, Status  # noqa: E402

THREADS, CUSTOMERS = 4, 200
TTL = timedelta(seconds=2)  # so short that many reservations expire beside what confirms and releases them
Told = IO[bytes]


class Shoppers:
    """One thread's shoppers: what they hold and have, as far as this process knows."""

    def __init__(self, coupons: list[uuid.UUID], customers: list[int], told: Told) -> None:
        self.coupons, self.customers, self.told = coupons, customers, told
        self.held: deque[uuid.UUID] = deque(maxlen=200)
        self.had: deque[uuid.UUID] = deque(maxlen=200)

    def act(self) -> None:
        """One thing that shoppers do; they take more than they give back, so that every maximum is reached."""
        acts = [self.redeem, self.redeem, self.reserve, self.reserve, self.confirm, self.release, self.refund]
        random.choice(acts)()

    def redeem(self) -> None:
        self._confirmed(self._take(None))

    def reserve(self) -> None:
        self.held.append(self._take(TTL * random.random()))

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
            made = self._any(self.had)
            self.told.write(b"refund %b\n" % str(made).encode())
            services.return_redemption(redemption=made, at=timezone.now())

    def _find(self) -> None:
        """What one shopper has, from processes that died with it too."""
        theirs = CouponRedemption.objects.filter(customer_id=random.choice(self.customers), coupon_id__in=self.coupons)
        for made, status in theirs.filter(status__in=ACTIVE_STATUSES).values_list("pk", "status")[:20]:
            (self.had if status == Status.CONFIRMED else self.held).append(made)

    def _any(self, known: deque[uuid.UUID]) -> uuid.UUID:
        """Often taken away, at times kept, so that things are also confirmed, released and refunded twice."""
        one = random.choice(known)
        if random.random() < 0.9:
            known.remove(one)
        return one

    def _take(self, ttl: timedelta | None) -> uuid.UUID:
        at = timezone.now()
        asked = RedemptionRequest(uuid7(), random.choice(self.customers), reserved_until=at + ttl if ttl else None)
        return services.redeem(coupon=random.choice(self.coupons), request=asked, at=at).pk

    def _confirmed(self, made: uuid.UUID) -> None:
        self.told.write(b"confirmed %b\n" % str(made).encode())
        self.had.append(made)


def storm(shoppers: Shoppers, attempts: Told) -> None:
    """Without end, and through every refusal."""
    while True:
        with contextlib.suppress(
            DomainError, OperationalError
        ):  # who waited too long for a lock does not know, and goes on
            shoppers.act()
            if random.random() < 0.002:
                services.expire_due(at=timezone.now())
        attempts.write(b".")


def main(file: str, *ids: str) -> None:
    coupons = [uuid.UUID(pk) for pk in ids]
    customers = [int(pk) for pk in os.environ["STORM_CUSTOMERS"].split(",")]
    assert CouponDefinition.objects.filter(pk__in=coupons).count() == len(coupons)
    with Path(file).open("ab", buffering=0) as told, Path(f"{file}.attempts").open("ab", buffering=0) as attempts:
        crowd = [Shoppers(coupons, customers, told) for _ in range(THREADS)]
        threads = [threading.Thread(target=storm, args=[shoppers, attempts]) for shoppers in crowd]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
