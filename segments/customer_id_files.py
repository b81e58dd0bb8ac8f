"""Decisions about audiences: how customer ids are read from files, whatever their length."""

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from accounts.contracts import CUSTOMER_ID_LENGTH, is_customer_id
from core.errors import InvalidRequest

CSV, NDJSON = "text/csv", "application/x-ndjson"
LINE = 10_000  # bytes of a line that are looked at
MAX_ERRORS = 100  # bad lines that are named
EXPECTED = f"A customer id is 1 to {CUSTOMER_ID_LENGTH} printable characters."
SEGMENT_TYPE = re.compile(r"[a-zA-Z0-9][\w.-]{0,99}", re.ASCII)
_HEADINGS = {"customer_id", "customer id", "customer_ids", "customer"}

# A block of nothing but plain lines is taken whole, at the speed of the regular expression. Possessive: no way back.
_PLAIN = rb"[A-Za-z0-9_.:@-]{1,100}+"
_PLAIN_CSV = re.compile(rb"(?>" + _PLAIN + rb"\r?+\n)*+")
_PLAIN_STRINGS = re.compile(rb'(?>"' + _PLAIN + rb'"\r?+\n)*+')
_PLAIN_OBJECTS = re.compile(rb'(?>\{"customer_id": ?+"' + _PLAIN + rb'"\}\r?+\n)*+')
_VALUES = re.compile(rb'"(' + _PLAIN + rb')"\}')


@dataclass(slots=True)
class CustomerIdReader:
    """Reads customer ids from a file as it arrives; remembers how many there were, and the lines that were none."""

    media_type: str
    lines: int = 0
    received: int = 0
    refused: int = 0
    errors: list[dict[str, str]] = field(default_factory=list)

    def read(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """The ids as text for COPY, some at a time. Of memory it takes what a part or two do."""
        rest = b""
        for part in parts:
            block, newline, end = part.rpartition(b"\n")
            if newline:
                yield self._block(rest[:LINE] + block + newline)
                rest = end[:LINE]
            else:
                rest = (rest + end)[:LINE]
        if rest:
            yield self._block(rest + b"\n")

    def check(self) -> None:
        """Raises Invalid with the numbers of the bad lines."""
        if self.refused:
            raise InvalidRequest(
                f"{self.refused:,} lines hold no customer id; nothing was changed.", errors=self.errors
            )

    def _block(self, block: bytes) -> bytes:
        plain = self._parse_block(block) if self.lines else None  # the first line may be a heading
        if plain is None:
            return b"".join(self._parse_line(block))
        found = block.count(b"\n")
        self.lines += found
        self.received += found
        return plain

    def _parse_block(self, block: bytes) -> bytes | None:
        """A block that is plain all through, as text for COPY."""
        if self.media_type == CSV:
            return block.replace(b"\r\n", b"\n") if _PLAIN_CSV.fullmatch(block) else None
        if _PLAIN_OBJECTS.fullmatch(block):
            return b"\n".join(_VALUES.findall(block)) + b"\n"
        return block.replace(b'"', b"").replace(b"\r\n", b"\n") if _PLAIN_STRINGS.fullmatch(block) else None

    def _parse_line(self, block: bytes) -> Iterator[bytes]:
        for line in block[:-1].split(b"\n"):
            self.lines += 1
            text = self._cell(line) if self.media_type == CSV else _value(line)
            if text == "":
                continue
            if text is not None and is_customer_id(text):
                self.received += 1
                yield to_copy_line(text)
            else:
                self._add_error()

    def _cell(self, line: bytes) -> str | None:
        try:
            text = first_cell(line.decode())
        except UnicodeDecodeError:
            return None
        return "" if self.lines == 1 and text.lower() in _HEADINGS else text

    def _add_error(self) -> None:
        self.refused += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append({"field": f"line {self.lines}", "code": "invalid", "detail": EXPECTED})


def check_ids(customer_ids: Iterable[object]) -> None:
    """Raises Invalid with the places of what are no customer ids."""
    bad = [place for place, one in enumerate(customer_ids) if not (isinstance(one, str) and is_customer_id(one))]
    if bad:
        names = [f"customer_ids.{place}" for place in bad[:MAX_ERRORS]]
        raise InvalidRequest(errors=[{"field": name, "code": "invalid", "detail": EXPECTED} for name in names])


def first_cell(line: str) -> str:
    """The first cell of a line of CSV, whatever it is divided by; without quotes and a spreadsheet's marks."""
    return re.split(r"[,;\t]", line.lstrip("\N{ZERO WIDTH NO-BREAK SPACE}"), maxsplit=1)[0].strip().strip("\"'").strip()


def to_copy_line(customer_id: str) -> bytes:
    """A line of COPY's text format; printable characters need no escape but for the one that escapes."""
    return customer_id.replace("\\", "\\\\").encode() + b"\n"


def is_segment_type(text: str) -> bool:
    """Whether it may name a segment type: up to 100 of letters, digits, ``_``, ``.`` and ``-``."""
    return SEGMENT_TYPE.fullmatch(text) is not None


def gunzip_stream(parts: Iterable[bytes], *, limit: int) -> Iterator[bytes]:
    """A gzip stream, unpacked ``limit`` bytes at a time whatever it grows to. Raises Invalid for one that is broken."""
    unzip = zlib.decompressobj(wbits=31)
    try:
        for part in parts:
            packed = part
            while packed:
                if unzip.eof:  # another member begins
                    unzip = zlib.decompressobj(wbits=31)
                yield unzip.decompress(packed, limit)
                packed = unzip.unused_data or unzip.unconsumed_tail
    except zlib.error as error:
        raise InvalidRequest("The body is not gzip, or broke on the way; nothing was changed.") from error
    if not unzip.eof:
        raise InvalidRequest("The body is not gzip, or broke off; nothing was changed.")


def _value(line: bytes) -> str | None:
    """The id in a line of JSON, a string or an object with ``customer_id``; empty for an empty line."""
    if not line.strip():
        return ""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        value = value.get("customer_id")
    return value if isinstance(value, str) and value and _is_text(value) else None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
