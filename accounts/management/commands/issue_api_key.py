"""``manage.py issue_api_key``: create an API key for a server and print it once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import services
from accounts.contracts import Scope
from accounts.models import Brand

PLATFORM_SCOPES = [Scope.CHECKOUT.value, Scope.INTERNAL.value]


class Command(BaseCommand):
    help = _("Create an API key for a brand's server, a marketplace or the internal API, and print it once.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        scope = parser.add_mutually_exclusive_group(required=True)
        scope.add_argument("--brand", metavar="SLUG", help=_("Brand that the key acts for."))
        scope.add_argument("--scope", choices=PLATFORM_SCOPES, help=_("Scope of a key of the platform."))
        parser.add_argument("--name", default="Command line", help=_("Name of the key in lists."))

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first() if options["brand"] else None
        if options["brand"] and brand is None:
            raise CommandError(_("Brand %(slug)s not found.") % {"slug": options["brand"]})
        scope = Scope(options["scope"] or Scope.BRAND)
        key = services.issue_key(brand=brand, name=options["name"][:100], at=timezone.now(), scope=scope)
        self.stdout.write(key.text)
