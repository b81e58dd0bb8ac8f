"""Decisions about codes: values in, values out."""

import hashlib
import re

_TEXT = re.compile(r"[A-Z0-9_-]{3,64}")


def normalise(text: str) -> str | None:
    """The code as it is stored (upper case, no surrounding space), or None for what can be no code."""
    candidate = text.strip().upper()
    return candidate if candidate.isascii() and _TEXT.fullmatch(candidate) else None


def digest(text: str) -> bytes:
    """The SHA-256 of a normalised code: its name where codes should not stand, such as addresses and logs."""
    return hashlib.sha256(text.encode()).digest()


def is_digest(name: str) -> bool:
    """Whether a name is the lower-case hex SHA-256 of a code rather than a code."""
    return len(name) == 64 and not set(name) - set("0123456789abcdef")
