"""``manage.py issue_api_key``: a key for a server, printed once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import services
from accounts.contracts import Scope
from accounts.models import Brand


class Command(BaseCommand):
    help = "Print a new API key once: of a brand's server, or of the internal API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        scope = parser.add_mutually_exclusive_group(required=True)
        scope.add_argument("--brand", metavar="SLUG", help="the brand that the key acts for")
        scope.add_argument("--scope", choices=[Scope.INTERNAL.value], help="the key opens the internal API")
        parser.add_argument("--name", default="issued on the command line", help="what the key is called in lists")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first() if options["brand"] else None
        if options["brand"] and brand is None:
            raise CommandError(f"There is no brand {options['brand']}.")
        self.stdout.write(services.issue_key(brand=brand, name=options["name"][:100], at=timezone.now()).text)
