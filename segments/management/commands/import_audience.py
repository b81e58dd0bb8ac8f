"""``manage.py import_audience``: who is in an audience, from a file, with a bar that shows how far it is."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import brand_by_name
from core.errors import DomainError
from core.streams import CHUNK_SIZE
from segments import customer_id_files, services
from segments.contracts import Operation

WIDTH = 40  # characters of the bar
NAMED = 10  # bad lines that are told


class Command(BaseCommand):
    help = "Replace, extend or reduce an audience by a file of customer ids: CSV, or .ndjson, perhaps packed (.gz)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--brand", required=True, metavar="SLUG")
        parser.add_argument("--segment-type", required=True, metavar="NAME")
        parser.add_argument("--operation", choices=[one.value for one in Operation], required=True)
        parser.add_argument("--data-version", type=int, metavar="N", help="ignored where a newer one is known")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = brand_by_name(options["brand"])
        if brand is None:
            raise CommandError(f"There is no brand {options['brand']}.")
        try:
            with options["file"].open("rb") as file:
                applied = services.apply_file(
                    brand=brand,
                    segment_type=options["segment_type"],
                    operation=options["operation"],
                    parts=self._parts(options["file"], file),
                    media_type=customer_id_files.NDJSON
                    if ".ndjson" in options["file"].suffixes
                    else customer_id_files.CSV,
                    version=options["data_version"],
                )
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error.strerror}.") from error
        except DomainError as refusal:
            raise CommandError(_words(refusal)) from refusal
        except KeyboardInterrupt as interrupt:
            raise CommandError("Interrupted; nothing was changed. Run it again.") from interrupt
        if applied.stale:
            raise CommandError("A newer version is there already; nothing was changed.")
        self.stdout.write(
            f"{applied.received:,} received, {applied.added:,} added, {applied.removed:,} removed, {applied.size:,} now"
        )

    def _parts(self, path: Path, file: IO[bytes]) -> Iterator[bytes]:
        parts = self._shown(path.stat().st_size, file)
        return customer_id_files.gunzip_stream(parts, limit=CHUNK_SIZE) if path.suffix == ".gz" else parts

    def _shown(self, size: int, file: IO[bytes]) -> Iterator[bytes]:
        """The file, and a bar of how much of it was read; what follows takes effect at one moment."""
        read = 0
        while part := file.read(CHUNK_SIZE):
            read += len(part)
            done = WIDTH * read // max(size, read)
            if sys.stderr.isatty() or read >= size:
                self.stderr.write(f"\r[{'#' * done}{'.' * (WIDTH - done)}] {read:,} of {size:,} bytes ", ending="")
                self.stderr.flush()
            yield part
        self.stderr.write("\ntaking effect")


def _words(refusal: DomainError) -> str:
    """A refusal in a terminal's words."""
    faults = [f"{fault['field']}: {fault['detail']}" for fault in (refusal.errors or [])[:NAMED]]
    return "\n".join([refusal.detail, *faults])
