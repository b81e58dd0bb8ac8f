"""Rules of events: the opaque cursor of a reader."""

import base64
import uuid

from redemptions.errors import CursorExpired
from redemptions.events.contracts import Position


def encode_cursor(position: Position, *, epoch: str = "") -> str:
    """Return the position as the opaque text that the API gives to readers; without an epoch if it needs none."""
    text = f"{epoch}:{position.tx}:{position.id.hex}".removeprefix(":")
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(text: str, *, epoch: str = "") -> Position:
    """Return the position of a cursor. Raises ValueError for any other text, and CursorExpired for another epoch."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
        *its_epoch, tx, key = decoded.split(":")
        position = Position(int(tx), uuid.UUID(hex=key))
    except ValueError as error:
        raise ValueError("not a cursor") from error
    is_complete = len(its_epoch) == bool(epoch) and 0 <= position.tx < 1 << 63
    if not is_complete or encode_cursor(position, epoch="".join(its_epoch)) != text:
        raise ValueError("not a cursor")
    if "".join(its_epoch) != epoch:
        raise CursorExpired
    return position
