"""Process of the balance trial that is killed: it sends, amends, cancels and refunds orders with shared codes.

    python -m tests.faults.balance_storm <brand> <code> …

Some of its reservations expire at once, so that other writers take over what they hold.
"""

import random
import sys
import uuid
from dataclasses import replace
from datetime import timedelta

import django

django.setup()

from django.utils import timezone  # noqa: E402  (after Django)

from accounts.contracts import ALL_BRANDS, Shopper  # noqa: E402
from checkout import services  # noqa: E402
from checkout.contracts import Actor, AmendmentOptions, AmendmentTerms, QuoteRequest, RedemptionOptions  # noqa: E402
from checkout.models import Redemption  # noqa: E402
from checkout.refunds import LineRefund, RefundRequest  # noqa: E402
from core.errors import DomainError  # noqa: E402
from core.ids import uuid7  # noqa: E402
from pricing import Cart, Line  # noqa: E402

MAX_PRICE = 400  # minor units of a unit
MIN_CODES = 10  # of an order, each with a movement at each step


class Shop:
    """A shop that sells to many customers, who share the codes."""

    def __init__(self, brand: uuid.UUID, codes: list[str]) -> None:
        self.brand, self.codes, self.chance = brand, codes, random.Random()

    def run_order(self) -> None:
        """Reserve an order, and let it take one of the ways that orders take."""
        order = self.reserve()
        steps = self.chance.choices([self.confirm, self.cancel, self.leave], [7, 2, 1])
        steps[0](order)

    def reserve(self) -> Redemption:
        request = self.build_request()
        at = timezone.now()
        if self.chance.random() < 0.1:
            at -= timedelta(minutes=20)  # has expired, so that others take over what it holds
        reference = uuid7().hex
        options = RedemptionOptions(reference, self.brand, reference.encode(), skip=True)
        customer = Shopper(None, f"c{self.chance.randint(1, 500)}")
        return services.reserve(request=request, options=options, shopper=customer, acceptance=ALL_BRANDS, at=at)

    def build_request(self) -> QuoteRequest:
        lines = tuple(
            Line(str(number), "sku", self.chance.randint(1, 3), self.chance.randint(1, MAX_PRICE))
            for number in range(self.chance.randint(1, 3))
        )
        codes = tuple(self.chance.sample(self.codes, self.chance.randint(MIN_CODES, len(self.codes))))
        return QuoteRequest(Cart("EUR", 2, lines), codes)

    def confirm(self, order: Redemption) -> None:
        confirmed = services.confirm(redemption=order, by=Actor.SERVER, at=timezone.now())
        if self.chance.random() < 0.5:
            self.amend(confirmed)
        if self.chance.random() < 0.9:
            self.refund(confirmed)

    def amend(self, order: Redemption) -> None:
        request = replace(self.build_request(), codes=())
        terms = self.chance.choice(list(AmendmentTerms))
        options = AmendmentOptions(terms=terms, skip=True)
        services.amend(redemption=order, request=request, options=options, acceptance=ALL_BRANDS, at=timezone.now())

    def refund(self, order: Redemption) -> None:
        if self.chance.random() < 0.5:
            part = RefundRequest([LineRefund("0", 1, None)])
            services.return_redemption(redemption=order, request=part, at=timezone.now())
        services.return_redemption(redemption=order, request=RefundRequest(), at=timezone.now())

    def cancel(self, order: Redemption) -> None:
        services.cancel(redemption=order, at=timezone.now())

    def leave(self, order: Redemption) -> None:
        """Leave the reservation, as a customer who doesn't pay."""


def main() -> None:
    """Send orders until the process is killed."""
    print("ready", flush=True)
    shop = Shop(uuid.UUID(sys.argv[1]), sys.argv[2:])
    while True:
        try:
            shop.run_order()
        except DomainError:  # the reservation has expired, or others were faster
            continue


if __name__ == "__main__":
    main()
