"""Parser of files of customer IDs: CSV and JSON lines of any length, plain or gzipped."""

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.contracts import CUSTOMER_ID_LENGTH, canonicalize_customer_id, is_customer_id
from core.errors import InvalidRequest

CSV, NDJSON = "text/csv", "application/x-ndjson"
MAX_LINE_BYTES = 10_000  # the rest of a longer line is ignored
MAX_ERRORS = 100  # invalid lines that are listed
SEGMENT_TYPE = re.compile(r"[a-zA-Z0-9][\w.-]{0,99}", re.ASCII)
_HEADINGS = {"customer_id", "customer id", "customer_ids", "customer"}

# A block of only plain lines is accepted as a whole, as fast as the regular expression runs (possessive quantifiers).
_PLAIN = rb"[A-Za-z0-9_.:@-]{1,100}+"
_PLAIN_CSV = re.compile(rb"(?>" + _PLAIN + rb"\r?+\n)*+")
_PLAIN_STRINGS = re.compile(rb'(?>"' + _PLAIN + rb'"\r?+\n)*+')
_PLAIN_OBJECTS = re.compile(rb'(?>\{"customer_id": ?+"' + _PLAIN + rb'"\}\r?+\n)*+')
_VALUES = re.compile(rb'"(' + _PLAIN + rb')"\}')


@dataclass(slots=True)
class CustomerIdReader:
    """Reader of customer IDs from a file as it arrives. Counts the IDs and the invalid lines, and lists errors."""

    media_type: str
    lines: int = 0
    received: int = 0
    invalid_count: int = 0
    errors: list[dict[str, str]] = field(default_factory=list)

    def read(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Yield blocks of IDs in the text format of COPY. Holds one or two parts in memory."""
        rest = b""
        for part in parts:
            block, newline, end = part.rpartition(b"\n")
            if newline:
                yield self._convert(rest[:MAX_LINE_BYTES] + block + newline)
                rest = end[:MAX_LINE_BYTES]
            else:
                rest = (rest + end)[:MAX_LINE_BYTES]
        if rest:
            yield self._convert(rest + b"\n")

    def check(self) -> None:
        """Raise InvalidRequest with the numbers of the invalid lines, if there are any."""
        if self.invalid_count:
            raise InvalidRequest(
                ngettext(
                    "%(count)s line contains no valid customer ID. No changes were made.",
                    "%(count)s lines contain no valid customer ID. No changes were made.",
                    self.invalid_count,
                )
                % {"count": f"{self.invalid_count:,}"},
                errors=self.errors,
            )

    def _convert(self, block: bytes) -> bytes:
        converted = self._parse_block(block) if self.lines else None  # the first line may be a heading
        if converted is None:
            return b"".join(self._parse_lines(block))
        count = block.count(b"\n")
        self.lines += count
        self.received += count
        return converted

    def _parse_block(self, block: bytes) -> bytes | None:
        """Convert a block of only plain lines to canonical IDs in the text format of COPY.

        Return None for any other block.
        """
        if self.media_type == CSV:
            return block.replace(b"\r\n", b"\n").lower() if _PLAIN_CSV.fullmatch(block) else None
        if _PLAIN_OBJECTS.fullmatch(block):
            return b"\n".join(_VALUES.findall(block)).lower() + b"\n"
        return block.replace(b'"', b"").replace(b"\r\n", b"\n").lower() if _PLAIN_STRINGS.fullmatch(block) else None

    def _parse_lines(self, block: bytes) -> Iterator[bytes]:
        for line in block[:-1].split(b"\n"):
            self.lines += 1
            text = self._parse_cell(line) if self.media_type == CSV else _parse_json(line)
            if text == "":
                continue
            if text is not None and is_customer_id(text):
                self.received += 1
                yield to_copy_line(text)
            else:
                self._add_error()

    def _parse_cell(self, line: bytes) -> str | None:
        try:
            text = first_cell(line.decode())
        except UnicodeDecodeError:
            return None
        return "" if self.lines == 1 and text.lower() in _HEADINGS else text

    def _add_error(self) -> None:
        self.invalid_count += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(_id_error(f"line {self.lines}"))


def check_ids(customer_ids: Iterable[object]) -> None:
    """Raise InvalidRequest with the positions of values that are not customer IDs."""
    invalid = [
        position
        for position, customer_id in enumerate(customer_ids)
        if not (isinstance(customer_id, str) and is_customer_id(customer_id))
    ]
    if invalid:
        raise InvalidRequest(errors=[_id_error(f"customer_ids.{position}") for position in invalid[:MAX_ERRORS]])


def _id_error(name: str) -> dict[str, str]:
    detail = _("Enter a customer ID of 1 to %(max)s printable characters.") % {"max": CUSTOMER_ID_LENGTH}
    return {"field": name, "code": "invalid", "detail": detail}


def first_cell(line: str) -> str:
    """Return the first cell of a CSV line with any separator, without quotes and a byte order mark."""
    return re.split(r"[,;\t]", line.lstrip("\N{ZERO WIDTH NO-BREAK SPACE}"), maxsplit=1)[0].strip().strip("\"'").strip()


def to_copy_line(customer_id: str) -> bytes:
    """Return the canonical ID as a line in the text format of COPY.

    Of printable characters only the backslash needs escaping.
    """
    return canonicalize_customer_id(customer_id).replace("\\", "\\\\").encode() + b"\n"


def is_segment_type(text: str) -> bool:
    """Return whether the text can name a segment type: up to 100 letters, digits, ``_``, ``.`` and ``-``."""
    return SEGMENT_TYPE.fullmatch(text) is not None


def gunzip_stream(parts: Iterable[bytes], *, limit: int) -> Iterator[bytes]:
    """Decompress a gzip stream in chunks of up to ``limit`` bytes. Raises InvalidRequest for invalid data."""
    decompressor = zlib.decompressobj(wbits=31)
    try:
        for part in parts:
            packed = part
            while packed:
                if decompressor.eof:  # the next member of the stream
                    decompressor = zlib.decompressobj(wbits=31)
                yield decompressor.decompress(packed, limit)
                packed = decompressor.unused_data or decompressor.unconsumed_tail
    except zlib.error as error:
        raise InvalidRequest(_("The body isn't valid gzip. No changes were made.")) from error
    if not decompressor.eof:
        raise InvalidRequest(_("The gzip body is incomplete. No changes were made."))


def _parse_json(line: bytes) -> str | None:
    """Return the ID of a JSON line, a string or an object with ``customer_id``; an empty string for an empty line."""
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
    except UnicodeEncodeError:  # an unpaired surrogate
        return False
    return True
