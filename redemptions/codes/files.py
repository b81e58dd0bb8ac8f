"""Reader of files of codes, one code per line."""

from collections.abc import Callable, Iterator

MAX_LINE_BYTES = 1_000  # the rest of a longer line is ignored
CHUNK_BYTES = 64 * 1024


def iter_lines(read: Callable[[int], bytes]) -> Iterator[str]:
    """Yield the lines of a file as it arrives; of a line that is longer than any code, only the beginning.

    Splits the lines itself, because the ``readline`` of a request body differs between servers.
    """
    rest = b""
    while chunk := read(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line[:MAX_LINE_BYTES].decode("utf-8", "replace") for line in lines)
        rest = rest[:MAX_LINE_BYTES]
    if rest:
        yield rest.decode("utf-8", "replace")
