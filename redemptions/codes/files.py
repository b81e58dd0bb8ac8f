"""Reader of CSV files of codes. The first line names the columns, in any order."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

CODE, CUSTOMER_ID, EXPIRES_AT, BALANCE = HEADINGS = ("code", "customer_id", "expires_at", "balance")
MAX_LINE_BYTES = 1_000  # longer lines are cut, and get apostrophes for quotes, so that a cell is too long
CHUNK_BYTES = 64 * 1024
DELIMITERS = ",;\t"
BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


class HeadingsInvalid(ValueError):
    """Raised for a first line without the column ``code``, or with unknown or repeated columns, which it lists."""

    def __init__(self, *, unknown: list[str], repeated: list[str]) -> None:
        super().__init__(unknown, repeated)
        self.unknown, self.repeated = unknown, repeated


@dataclass(frozen=True, slots=True)
class Row:
    """A line after the first one: its number from 1, and its cells by heading.

    A line without any text is empty, which is not the same as a malformed one: neither has cells.
    """

    line: int
    text: str
    cells: Mapping[str, str] = field(default_factory=dict)
    is_empty: bool = False


def iter_lines(read: Callable[[int], bytes]) -> Iterator[str]:
    """Yield the lines of a file as it arrives, each in UTF-8 or else in Windows-1252.

    Splits the lines itself, because the ``readline`` of a request body differs between servers.
    """
    rest = b""
    while chunk := read(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from map(_decode, lines)
        rest = rest[: MAX_LINE_BYTES + 1]
    if rest:
        yield _decode(rest)


def _decode(line: bytes) -> str:
    is_too_long = len(line) > MAX_LINE_BYTES
    line = line[:MAX_LINE_BYTES]
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("cp1252", "replace")
    return text.replace('"', "'") if is_too_long else text


def iter_rows(lines: Iterable[str]) -> Iterator[Row]:
    """Yield the rows below the first line that isn't empty, which names the columns.

    Raises HeadingsInvalid. The delimiter is a comma, semicolon or tab. A cell ends with its line.
    """
    numbered = ((number, line.strip("\r\n")) for number, line in enumerate(lines, 1))
    for _, line in numbered:
        if _is_empty(line):
            continue
        first_line = line.removeprefix(BYTE_ORDER_MARK)
        delimiter = max(DELIMITERS, key=first_line.count)
        headings = _parse_headings(first_line, delimiter)
        break
    else:
        return
    for number, line in numbered:
        if _is_empty(line):
            yield Row(number, "", is_empty=True)
            continue
        cells = _split(line, delimiter)
        while len(cells) > len(headings) and not cells[-1]:
            cells.pop()
        is_malformed = not cells or len(cells) > len(headings)
        yield Row(number, line, {} if is_malformed else dict(zip(headings, cells, strict=False)))


def _is_empty(line: str) -> bool:
    return not line.strip(f" {DELIMITERS}{BYTE_ORDER_MARK}")


def _parse_headings(line: str, delimiter: str) -> list[str]:
    headings = [cell.lower() for cell in _split(line, delimiter)]
    while headings and not headings[-1]:
        headings.pop()
    unknown = [name for name in headings if name not in HEADINGS]
    repeated = sorted({name for name in headings if headings.count(name) > 1} - set(unknown))
    if unknown or repeated or CODE not in headings:
        raise HeadingsInvalid(unknown=unknown, repeated=repeated)
    return headings


def _split(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, or none if its quotes are wrong.

    An apostrophe before a cell, with which an export prevents that a spreadsheet evaluates it, is removed.
    """
    try:
        (cells,) = csv.reader([line], delimiter=delimiter, strict=True)
    except (csv.Error, ValueError):
        return []
    return [cell.strip().removeprefix("'").strip() for cell in cells]
