"""``manage.py issue_tokens``: print access tokens of shoppers for load tests."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import rules, selectors


class Command(BaseCommand):
    help = _("Print an access token per line for the first N shoppers, valid for H hours.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--shoppers", type=int, required=True, metavar="N", help=_("Number of shoppers."))
        parser.add_argument("--hours", type=float, default=1.0, metavar="H", help=_("Lifetime of the tokens in hours."))
        parser.add_argument("--force", action="store_true", help=_("Print tokens even if DEBUG is off."))

    def handle(self, *args: Any, **options: Any) -> None:
        if not (settings.DEBUG or options["force"]):
            raise CommandError(_("For load tests only. Set DEBUG or pass --force."))
        callers = selectors.list_shoppers(count=options["shoppers"])
        if len(callers) < options["shoppers"]:
            message = ngettext(
                "Only %(count)s shopper exists. Create more with demo_data --shoppers %(wanted)s.",
                "Only %(count)s shoppers exist. Create more with demo_data --shoppers %(wanted)s.",
                len(callers),
            )
            raise CommandError(message % {"count": len(callers), "wanted": options["shoppers"]})
        keyring, at, lifetime = selectors.keyring(), timezone.now(), timedelta(hours=options["hours"])
        for caller in callers:
            token = rules.encode_token(
                kind=rules.TokenKind.ACCESS, caller=caller, keyring=keyring, at=at, lifetime=lifetime
            )
            self.stdout.write(token)
