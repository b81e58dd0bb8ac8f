"""Bodies that are read as they arrive, because they may be of any length."""

from collections.abc import Iterator

from django.http import HttpRequest

from core.errors import InvalidRequest

CHUNK_SIZE = 64 * 1024  # bytes that are read at once


def iter_body(request: HttpRequest) -> Iterator[bytes]:
    """The body, some at a time. Raises Invalid for one that is shorter than was said: it broke off.

    ``read`` alone is used: what servers' bodies answer to ``readline`` differs.
    """
    left = int(request.META.get("CONTENT_LENGTH") or 0)
    while left:
        part = request.read(min(CHUNK_SIZE, left))
        if not part:
            raise InvalidRequest("The body broke off; nothing was changed.")
        left -= len(part)
        yield part
