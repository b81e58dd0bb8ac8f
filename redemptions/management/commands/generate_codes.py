"""``manage.py generate_codes``: generate a batch of single-use codes with a progress bar."""

import time
import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Brand
from core.errors import DomainError
from redemptions.backends import find_code_offer
from redemptions.codes import services
from redemptions.codes.models import CodeBatch
from redemptions.codes.rules import DEFAULT_CHARSET, DEFAULT_PATTERN
from redemptions.codes.selectors.batches import get_batch

WIDTH = 40  # characters of the progress bar


class Command(BaseCommand):
    help = _("Generate a batch of single-use codes of an offer. If interrupted, a worker generates the rest.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--offer", type=uuid.UUID, required=True, metavar="ID", help=_("ID of the offer."))
        parser.add_argument("--count", type=int, metavar="N", help=_("Number of codes to generate."))
        parser.add_argument(
            "--pattern", default=DEFAULT_PATTERN, help=_("Each # becomes a random character. Default: %(default)s.")
        )
        parser.add_argument(
            "--charset", default=DEFAULT_CHARSET, help=_("Different letters and digits. Default: %(default)s.")
        )
        parser.add_argument(
            "--resume", type=uuid.UUID, metavar="BATCH", help=_("ID of a batch to continue instead of a new one.")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["count"] is None) == (options["resume"] is None):
            raise CommandError(_("Provide either --count or --resume."))
        try:
            batch = self._batch(options)
        except DomainError as error:
            raise CommandError(_error_text(error)) from error
        self.stderr.write(_("Batch %(id)s") % {"id": batch.pk})
        try:
            self._generate(batch)
        except KeyboardInterrupt as interrupt:
            message = _("Interrupted. A worker generates the rest; --resume shows the progress.")
            raise CommandError(message) from interrupt
        self.stdout.write(str(batch.pk))

    def _batch(self, options: dict[str, Any]) -> CodeBatch:
        kind, offer = find_code_offer(options["offer"], at=timezone.now())
        if options["resume"]:
            return get_batch(pk=options["resume"], offer=offer.id)
        request = {name: options[name] for name in ("count", "pattern", "charset")}
        brand = Brand.objects.get(pk=offer.brand_id)
        return services.create_batch(kind=kind, brand=brand, offer=offer.id, **request, at=timezone.now())

    def _generate(self, batch: CodeBatch) -> None:
        """Generate all chunks. While a worker generates a chunk of the batch, wait and show the progress."""
        started_at, initial_count = timezone.now(), batch.generated_count
        while not batch.is_generated:
            has_more = services.generate_chunk(batch_id=batch.pk)
            batch.refresh_from_db()
            if not has_more and not batch.is_generated:
                time.sleep(0.2)
            seconds = max((timezone.now() - started_at).total_seconds(), 0.001)
            self._show(batch, (batch.generated_count - initial_count) / seconds)
        self.stderr.write("")

    def _show(self, batch: CodeBatch, rate: float) -> None:
        done = WIDTH * batch.generated_count // batch.count
        bar = "#" * done + "." * (WIDTH - done)
        progress = _("%(done)s of %(count)s, %(rate)s/s") % {
            "done": f"{batch.generated_count:,}", "count": f"{batch.count:,}", "rate": f"{rate:,.0f}",
        }  # fmt: skip
        self.stderr.write(f"\r[{bar}] {progress} ", ending="")
        self.stderr.flush()


def _error_text(error: DomainError) -> str:
    """Return the field errors, or else the detail, and the shortest pattern that is strong enough."""
    details = " ".join(field_error["detail"] for field_error in error.errors or []) or error.detail
    pattern = error.extensions.get("minimum_pattern")
    return f"{details} {_('Use at least %(pattern)s.') % {'pattern': pattern}}" if pattern else details
