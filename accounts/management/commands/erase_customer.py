"""Erase all that is kept about a customer."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import services
from core.errors import DomainError


class Command(BaseCommand):
    """A command that requests the erasure of a customer by all brands, and works on it until it can't continue."""

    help = _("Erase all that is kept about a customer and its account. This can't be undone.")  # type: ignore[assignment]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("customer_id", help=gettext("ID of the customer."))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            request = services.request_erasure(customer_id=options["customer_id"], at=timezone.now())
        except DomainError as error:
            raise CommandError(error.detail) from error
        left = services.run_erasures()
        request.refresh_from_db()
        self.stdout.write(f"{request.pk}: {request.get_status_display()}")
        if left:
            text = ngettext(
                "%(count)s erasure is still open. The workers continue it.",
                "%(count)s erasures are still open. The workers continue them.",
                left,
            )
            self.stderr.write(text % {"count": left})
