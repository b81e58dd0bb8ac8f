"""Write the JSON Schema of offers to docs/offer.schema.json."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pricing.json_schema import build_json_schema


class Command(BaseCommand):
    """A command that writes the JSON Schema of offers, or checks that it is up to date."""

    help = _("Write the JSON Schema of offers to docs/offer.schema.json, or check that it is up to date.")  # type: ignore[assignment]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help=gettext("Fail if the file is out of date instead of writing it.")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.BASE_DIR / "docs" / "offer.schema.json"
        text = json.dumps(build_json_schema(), indent=2) + "\n"
        if not options["check"]:
            path.write_text(text)
            self.stdout.write(gettext("Wrote docs/offer.schema.json."))
        elif not path.exists() or path.read_text() != text:
            raise CommandError(_("docs/offer.schema.json is out of date. Run manage.py generate_offer_schema."))
