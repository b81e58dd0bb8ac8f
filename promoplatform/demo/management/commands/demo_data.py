"""Create brands, accounts and live examples of every kind of offer. Safe to run again."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from promoplatform.demo import accounts, discount_codes
from promoplatform.demo.audiences import create_audiences
from promoplatform.demo.campaigns import create_campaigns
from promoplatform.demo.coupons import create_coupons
from promoplatform.demo.orders import create_orders
from promoplatform.demo.promotions import create_promotions


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--shoppers", type=int, default=5, help="number of shoppers (default 5)")
        parser.add_argument("--force", action="store_true", help="run even if DEBUG is off")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG and not options["force"]:
            raise CommandError("Demo accounts have a well-known password. Set DEBUG=1 or pass --force.")
        if options["shoppers"] < 1:
            raise CommandError("--shoppers must be at least 1.")
        created = accounts.create_shoppers(options["shoppers"], report=self._progress)
        self.stdout.write(f"demo data: {created} new shoppers, {_create_examples(at=timezone.now())}")

    def _progress(self, done: int, total: int) -> None:
        if total > 10_000:
            self.stderr.write(f"\rshoppers {done:,} of {total:,}", ending="" if done < total else "\n")


@transaction.atomic
def _create_examples(*, at: datetime) -> str:
    """Create the brands and their offers once; what was changed since then is kept. Return a summary."""
    if accounts.has_brands():
        return "brands and offers exist already"
    brands = accounts.create_brands()
    accounts.create_staff(brands)
    create_audiences(brands)
    codes, promotions = discount_codes.create_discount_codes(brands, at=at), create_promotions(brands, at=at)
    campaigns, coupons = create_campaigns(brands, at=at), create_coupons(brands, at=at)
    orders = create_orders(brands, at=at)
    return (
        f"{len(brands)} brands, {codes} codes, {promotions} promotions, {campaigns} campaigns, {coupons} coupons, "
        f"{orders} orders"
    )
