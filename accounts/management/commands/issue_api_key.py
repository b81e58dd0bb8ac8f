"""``manage.py issue_api_key``: create an API key for a server and print it once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts import services
from accounts.contracts import BRAND_SCOPES, Scope
from accounts.models import Brand
from core.errors import InvalidRequest


class Command(BaseCommand):
    help = _(
        "Create an API key for a brand's server, a marketplace (--scope checkout) or the internal API "
        "(--scope internal), and print it once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--brand", metavar="SLUG", action="append", default=[],
            help=_("Brand that the key acts for. For the internal API, a brand that it is limited to (repeatable)."),
        )  # fmt: skip
        parser.add_argument(
            "--scope", choices=[scope.value for scope in Scope], action="append", default=[],
            help=_("What the key may do (repeatable). Defaults to all scopes of a brand."),
        )  # fmt: skip
        parser.add_argument("--name", default="Command line", help=_("Name of the key in lists."))
        parser.add_argument(
            "--address", metavar="CIDR", action="append", default=[],
            help=_("IP address or network that may use the key (repeatable). Defaults to any address."),
        )  # fmt: skip
        parser.add_argument("--expires", metavar="DATETIME", help=_("When the key expires, such as 2027-12-31T00:00Z."))

    def handle(self, *args: Any, **options: Any) -> None:
        scopes = [Scope(scope) for scope in options["scope"]]
        brands = [_get_brand(slug) for slug in options["brand"]]
        is_internal = Scope.INTERNAL in scopes
        if not brands and not scopes:
            raise CommandError(_("Enter --brand, --scope checkout or --scope internal."))
        if len(brands) > 1 and not is_internal:
            raise CommandError(_("Enter one brand. Only keys of the internal API can be limited to several."))
        try:
            key = services.issue_key(
                brand=brands[0] if brands and not is_internal else None,
                name=options["name"][:100],
                scopes=scopes or BRAND_SCOPES,
                internal_brands=[brand.pk for brand in brands] if is_internal else (),
                addresses=options["address"],
                expires_at=_parse_expiry(options["expires"]),
                at=timezone.now(),
            )
        except InvalidRequest as error:
            raise CommandError(" ".join(one["detail"] for one in error.errors or [])) from error
        self.stdout.write(key.text)


def _get_brand(slug: str) -> Brand:
    brand = Brand.objects.filter(slug=slug).first()
    if brand is None:
        raise CommandError(_("Brand %(slug)s not found.") % {"slug": slug})
    return brand


def _parse_expiry(text: str | None) -> Any:
    if text is None:
        return None
    try:
        expires_at = parse_datetime(text)
    except ValueError:
        expires_at = None
    if expires_at is None or timezone.is_naive(expires_at):
        raise CommandError(_("Enter --expires as a date and time with an offset, such as 2027-12-31T00:00Z."))
    return expires_at
