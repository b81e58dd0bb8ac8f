"""``manage.py issue_tokens``: access tokens of shoppers, for load tests."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import rules, selectors


class Command(BaseCommand):
    help = "Print one access token a line for the first N shoppers, good for H hours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--shoppers", type=int, required=True, metavar="N")
        parser.add_argument("--hours", type=float, default=1.0, metavar="H")
        parser.add_argument("--force", action="store_true", help="also where DEBUG is off")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (settings.DEBUG or options["force"]):
            raise CommandError("Tokens without passwords are for load tests: set DEBUG, or say --force.")
        callers = selectors.list_shoppers(count=options["shoppers"])
        if len(callers) < options["shoppers"]:
            raise CommandError(
                f"There are only {len(callers)} shoppers; make more with demo_data --shoppers {options['shoppers']}."
            )
        keyring, at, lifetime = selectors.keyring(), timezone.now(), timedelta(hours=options["hours"])
        for caller in callers:
            token = rules.encode_token(
                kind=rules.TokenKind.ACCESS, caller=caller, keyring=keyring, at=at, lifetime=lifetime
            )
            self.stdout.write(token)
