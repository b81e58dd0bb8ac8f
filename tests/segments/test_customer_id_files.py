"""Files of customer IDs: formats, invalid lines and compression."""

import gzip
import random
from collections.abc import Iterator

import pytest

from core.errors import InvalidRequest
from segments import customer_id_files
from segments.customer_id_files import CSV, NDJSON, CustomerIdReader, gunzip_stream


def read(text: bytes, media_type: str = CSV, part: int = 7) -> tuple[list[str], CustomerIdReader]:
    """Return the IDs of a file that arrives ``part`` bytes at a time, and its reader."""
    reader = CustomerIdReader(media_type)
    copied = b"".join(reader.read(cut(text, part)))
    return [line.replace("\\\\", "\\") for line in copied.decode().splitlines()], reader


def cut(text: bytes, part: int) -> Iterator[bytes]:
    return (text[at : at + part] for at in range(0, len(text), part))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (b"", []),
        (b"c1\nc2\n", ["c1", "c2"]),
        (b"c1\nc2", ["c1", "c2"]),
        (b"c1\r\nc2\r\n", ["c1", "c2"]),
        (b"customer_id\nc1\n", ["c1"]),
        ("\N{ZERO WIDTH NO-BREAK SPACE}Customer ID;name\nc1;Ann\n".encode(), ["c1"]),
        (b"customer_id\n", []),
        (b"c1\n\n\nc2\n", ["c1", "c2"]),
        (b'"c1","x"\n"c2"\n', ["c1", "c2"]),
        (b" c1 \t x\n", ["c1"]),
        ("josé\nÅse\n".encode(), ["josé", "åse"]),
        (b"a\\b\n\\.\nc\n", ["a\\b", "\\.", "c"]),
        (b"c1\ncustomer_id\n", ["c1", "customer_id"]),
        (b"c1\nc1\n", ["c1", "c1"]),
    ],
)
@pytest.mark.parametrize("part", [1, 5, 1000])
def test_csv_lines_yield_their_first_cell(text: bytes, ids: list[str], part: int) -> None:
    result, reader = read(text, part=part)

    reader.check()
    assert result == ids
    assert reader.received == len(ids)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (b'"c1"\n"c2"\n', ["c1", "c2"]),
        (b'{"customer_id": "c1"}\n{"customer_id":"c2"}\n', ["c1", "c2"]),
        (b'{"customer_id": "c1", "since": 5}\n"c2"\n', ["c1", "c2"]),
        (b'{"customer_id": "c1"}\n\n{"customer_id": "c2"}', ["c1", "c2"]),
        (b'{"customer_id": "jos\\u00e9"}\n"a\\\\b"\n', ["josé", "a\\b"]),
    ],
)
@pytest.mark.parametrize("part", [1, 5, 1000])
def test_json_lines_yield_their_customer_id(text: bytes, ids: list[str], part: int) -> None:
    result, reader = read(text, NDJSON, part)

    reader.check()
    assert result == ids
    assert reader.received == len(ids)


@pytest.mark.parametrize(
    ("media_type", "text", "lines"),
    [
        (CSV, b"c1\n" + b"x" * 101 + b"\nc3\n", ["line 2"]),
        (CSV, b"c1\nc\x002\nc3\n", ["line 2"]),
        (CSV, b"c1\n\xff\xfe\nc3\n", ["line 2"]),
        (CSV, b"c1\n" + b"y" * 100_000 + b"\nc3\n\x07", ["line 2", "line 4"]),
        (NDJSON, b'"c1"\n7\nnull\n["c2"]\n{"id": "c3"}\n', ["line 2", "line 3", "line 4", "line 5"]),
        (NDJSON, b'{"customer_id": 7}\n"\\ud800"\n""\n{', ["line 1", "line 2", "line 3", "line 4"]),
        (NDJSON, b"[" * 9_000 + b"\n", ["line 1"]),
        (NDJSON, b'"c1"\n"c\\u0000"\n', ["line 2"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("part", [3, 100_000])
def test_invalid_lines_are_reported_by_number(media_type: str, text: bytes, lines: list[str], part: int) -> None:
    _, reader = read(text, media_type, part)

    with pytest.raises(InvalidRequest) as raised:
        reader.check()

    assert [error["field"] for error in raised.value.errors or []] == lines
    assert reader.invalid_count == len(lines)


def test_the_first_invalid_lines_are_listed_and_all_are_counted() -> None:
    _, reader = read(b"\x07\n" * 5_000, part=1000)

    with pytest.raises(InvalidRequest, match="5,000 lines"):
        reader.check()

    assert len(reader.errors) == customer_id_files.MAX_ERRORS


def test_blocks_and_single_lines_are_parsed_alike() -> None:
    """A block of plain lines is converted as a whole; any other line makes the reader parse line by line."""
    rng = random.Random(7)
    names = [f"c{rng.randrange(10**9)}" for _ in range(5_000)]
    for media_type, line in ((CSV, "{}\n"), (NDJSON, '"{}"\n'), (NDJSON, '{{"customer_id": "{}"}}\n')):
        text = "".join(line.format(name) for name in names).encode()
        slow = text.replace(b"\n", b" \n") if media_type == CSV else text.replace(b"{", b"{ ").replace(b'"\n', b'" \n')

        assert read(text, media_type, 4096)[0] == read(slow, media_type, 4096)[0] == names


@pytest.mark.parametrize("part", [1, 10, 100_000])
def test_gzip_is_decompressed_in_small_chunks(part: int) -> None:
    text = b"c1\n" * 20_000
    packed = gzip.compress(text[:30_000]) + gzip.compress(text[30_000:])

    chunks = list(gunzip_stream(cut(packed, part), limit=500))

    assert b"".join(chunks) == text
    assert max(map(len, chunks)) <= 500


@pytest.mark.parametrize(
    "packed", [b"", b"c1\n", gzip.compress(b"c1", mtime=0)[:-5], gzip.compress(b"c1", mtime=0) + b"x"]
)
def test_broken_gzip_is_rejected(packed: bytes) -> None:
    with pytest.raises(InvalidRequest):
        list(gunzip_stream(iter([packed] if packed else []), limit=500))


@pytest.mark.parametrize("name", ["new_users", "a", "purchase-above.100", "x" * 100])
def test_valid_segment_types_are_accepted(name: str) -> None:
    assert customer_id_files.is_segment_type(name)


@pytest.mark.parametrize("name", ["", " ", "_x", "a b", "a/b", "a\n", "a\x00", "é", "x" * 101])
def test_invalid_segment_types_are_rejected(name: str) -> None:
    assert not customer_id_files.is_segment_type(name)
