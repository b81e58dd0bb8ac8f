"""Rules of the search: the opaque cursor of a page."""

import base64
import uuid

from redemptions.events.contracts import Position


def encode_cursor(position: Position) -> str:
    """Return the position before which the next page ends as the opaque text that the API gives to clients."""
    return base64.urlsafe_b64encode(f"{position.tx}:{position.id.hex}".encode()).decode().rstrip("=")


def decode_cursor(text: str) -> Position:
    """Return the position of a cursor. Raises ValueError for any other text."""
    decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    tx, key = decoded.split(":")
    position = Position(int(tx), uuid.UUID(hex=key))
    if not 0 <= position.tx < 1 << 63 or encode_cursor(position) != text:
        raise ValueError("not a cursor")
    return position
