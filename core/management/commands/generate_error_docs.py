"""Writes the catalogue of refusals to docs/errors.md, or checks that it is fresh."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.error_catalog import list_errors

HEAD = """# Refusals

Every refusal that the platform answers, by code. The code is the contract; the words may change.
Written by `manage.py errorcodes`; do not edit.

| code | status | sentence | declared in |
|---|---|---|---|
"""


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="fail when docs/errors.md is stale instead of writing it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.BASE_DIR / "docs" / "errors.md"
        text = render()
        if not options["check"]:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            self.stdout.write(f"{len(list_errors())} refusals written to docs/errors.md")
        elif not path.exists() or path.read_text() != text:
            raise CommandError("docs/errors.md is stale: run manage.py errorcodes")


def render() -> str:
    """The page: every declared refusal, sorted by code."""
    rows = [
        f"| `{code}` | {refusal.status} | {refusal.message} | `{refusal.__module__}` |"
        for code, refusal in list_errors().items()
    ]
    return HEAD + "\n".join(rows) + "\n"
