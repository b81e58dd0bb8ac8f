"""``manage.py make_codes``: a batch of unique codes, with a bar that shows how far it is."""

import time
import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.errors import DomainError
from promotions import code_rules, services
from promotions.models import CodeBatch
from promotions.selectors.batches import get_batch
from promotions.selectors.promotions import get_promotion

WIDTH = 40  # characters of the bar


class Command(BaseCommand):
    help = "Make a batch of unique codes for a promotion, here and now; interrupted, it goes on in the background."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--promotion", type=uuid.UUID, required=True, metavar="ID")
        parser.add_argument("--count", type=int, metavar="N")
        parser.add_argument("--pattern", default=code_rules.DEFAULT_PATTERN, help="# is drawn from the charset (%(default)s)")
        parser.add_argument("--charset", default=code_rules.DEFAULT_CHARSET, help="different letters and digits (%(default)s)")
        parser.add_argument("--resume", type=uuid.UUID, metavar="BATCH", help="go on with a batch instead")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["count"] is None) == (options["resume"] is None):
            raise CommandError("Say either --count or --resume.")
        try:
            batch = self._batch(options)
        except DomainError as refusal:
            raise CommandError(_error_text(refusal)) from refusal
        self.stderr.write(f"batch {batch.pk}")
        try:
            self._generate(batch)
        except KeyboardInterrupt as interrupt:
            raise CommandError("Interrupted. A worker goes on; so does --resume.") from interrupt
        self.stdout.write(str(batch.pk))

    def _batch(self, options: dict[str, Any]) -> CodeBatch:
        promotion = get_promotion(pk=options["promotion"], brand_ids=None)
        if options["resume"]:
            return get_batch(pk=options["resume"], promotion=promotion)
        wanted = {name: options[name] for name in ("count", "pattern", "charset")}
        return services.create_batch(promotion=promotion, **wanted)

    def _generate(self, batch: CodeBatch) -> None:
        """Make chunk after chunk; where a worker is at it too, wait and show how far that one is."""
        begun, before = timezone.now(), batch.generated_count
        while not batch.is_generated:
            more = services.generate_chunk(batch_id=batch.pk)
            batch.refresh_from_db()
            if not more and not batch.is_generated:
                time.sleep(0.2)
            seconds = max((timezone.now() - begun).total_seconds(), 0.001)
            self._show(batch, (batch.generated_count - before) / seconds)
        self.stderr.write("")

    def _show(self, batch: CodeBatch, rate: float) -> None:
        done = WIDTH * batch.generated_count // batch.count
        bar = "#" * done + "." * (WIDTH - done)
        self.stderr.write(f"\r[{bar}] {batch.generated_count:,} of {batch.count:,}, {rate:,.0f}/s ", ending="")
        self.stderr.flush()


def _error_text(refusal: DomainError) -> str:
    """A refusal in a terminal's words."""
    faults = " ".join(fault["detail"] for fault in refusal.errors or [])
    least = refusal.extensions.get("minimum_pattern")
    return " ".join(filter(None, [faults or refusal.detail, least and f"The shortest that would do is {least}."]))
