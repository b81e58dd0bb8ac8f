"""Request bodies of any length, read in chunks."""

from collections.abc import Iterator

from django.http import HttpRequest
from django.utils.translation import gettext as _

from core.errors import InvalidRequest

CHUNK_SIZE = 64 * 1024  # bytes


def iter_body(request: HttpRequest) -> Iterator[bytes]:
    """Yield the body in chunks. Raises InvalidRequest if it is shorter than its Content-Length.

    It uses ``read`` only, because the behavior of ``readline`` differs between servers.
    """
    remaining = int(request.META.get("CONTENT_LENGTH") or 0)
    while remaining:
        chunk = request.read(min(CHUNK_SIZE, remaining))
        if not chunk:
            raise InvalidRequest(_("The request body is incomplete. Nothing was changed."))
        remaining -= len(chunk)
        yield chunk
