"""CSV files as streamed downloads."""

import csv
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse


class _Echo:
    """A file that returns what is written to it, for ``csv.writer``."""

    def write(self, value: str) -> str:
        return value


def _escape_formula(value: object) -> str:
    """Return a cell's text that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def csv_response(
    name: str, header: Sequence[str], rows: Iterable[Sequence[object]], *, marked: bool = True
) -> StreamingHttpResponse:
    """Return a CSV file that is written while its rows are read, so that it may be of any length.

    With ``marked`` it starts with a byte order mark, by which spreadsheets recognize UTF-8.
    """
    writer = csv.writer(_Echo())

    def iter_lines() -> Iterator[str]:
        yield ("\N{ZERO WIDTH NO-BREAK SPACE}" if marked else "") + str(writer.writerow(header))
        for row in rows:
            yield str(writer.writerow([_escape_formula(value) for value in row]))

    response = StreamingHttpResponse(iter_lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
