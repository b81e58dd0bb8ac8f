"""``manage.py import_audience``: change an audience from a file, with a progress bar."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.selectors import brand_by_name
from core.errors import DomainError
from core.streams import CHUNK_SIZE
from segments import customer_id_files, services
from segments.contracts import Operation

BAR_WIDTH = 40  # characters
MAX_ERRORS = 10  # invalid lines that are printed


class Command(BaseCommand):
    help = gettext_lazy(  # type: ignore[assignment]
        "Replace, extend or reduce an audience from a CSV or NDJSON file, optionally gzipped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--brand", required=True, metavar="SLUG")
        parser.add_argument("--segment-type", required=True, metavar="NAME")
        parser.add_argument("--operation", choices=[operation.value for operation in Operation], required=True)
        parser.add_argument(
            "--data-version", type=int, metavar="N", help=_("Skip the import if a newer version is stored.")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        brand = brand_by_name(options["brand"])
        if brand is None:
            raise CommandError(_("Brand %(name)s not found.") % {"name": options["brand"]})
        path: Path = options["file"]
        try:
            with path.open("rb") as file:
                result = services.apply_file(
                    brand=brand,
                    segment_type=options["segment_type"],
                    operation=options["operation"],
                    parts=self._iter_parts(path, file),
                    media_type=customer_id_files.NDJSON if ".ndjson" in path.suffixes else customer_id_files.CSV,
                    version=options["data_version"],
                )
        except OSError as error:
            raise CommandError(_("The file can't be read: %(reason)s.") % {"reason": error.strerror}) from error
        except DomainError as error:
            raise CommandError(_error_text(error)) from error
        except KeyboardInterrupt as interrupt:
            raise CommandError(_("Interrupted. No changes were made.")) from interrupt
        if result.stale:
            raise CommandError(_("A newer version exists. No changes were made."))
        self.stdout.write(
            _("%(received)s received, %(added)s added, %(removed)s removed, %(size)s now")
            % {name: f"{getattr(result, name):,}" for name in ("received", "added", "removed", "size")}
        )

    def _iter_parts(self, path: Path, file: IO[bytes]) -> Iterator[bytes]:
        parts = self._read_with_progress(path.stat().st_size, file)
        return customer_id_files.gunzip_stream(parts, limit=CHUNK_SIZE) if path.suffix == ".gz" else parts

    def _read_with_progress(self, size: int, file: IO[bytes]) -> Iterator[bytes]:
        """Yield the file in chunks and draw a progress bar."""
        read = 0
        while chunk := file.read(CHUNK_SIZE):
            read += len(chunk)
            done = BAR_WIDTH * read // max(size, read)
            if sys.stderr.isatty() or read >= size:
                self.stderr.write(f"\r[{'#' * done}{'.' * (BAR_WIDTH - done)}] {read:,} of {size:,} bytes ", ending="")
                self.stderr.flush()
            yield chunk
        self.stderr.write("\n" + _("Applying changes"))


def _error_text(error: DomainError) -> str:
    """Return the message of an error, and its first field errors, one per line."""
    lines = [f"{field_error['field']}: {field_error['detail']}" for field_error in (error.errors or [])[:MAX_ERRORS]]
    return "\n".join([error.detail, *lines])
