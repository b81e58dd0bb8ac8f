"""Characters of texts that people read: those that change how the text around them is shown, and upper case."""

import re

_MARKS = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # control characters, separators, text direction
_FORBIDDEN = re.compile(f"[\x00-\x1f{_MARKS}]")
_FORBIDDEN_IN_LINES = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f{_MARKS}]")  # tabs and line breaks are fine


def has_control_characters(text: str, *, several_lines: bool = False) -> bool:
    """Return whether a text has control characters (category Cc), separators of lines, or marks of text direction.

    With ``several_lines``, tabs and the usual line breaks are allowed.
    """
    return (_FORBIDDEN_IN_LINES if several_lines else _FORBIDDEN).search(text) is not None


def to_upper_case(text: str) -> str:
    """Return ASCII text in upper case, and any other text unchanged, because the capital of a long s is an S."""
    return text.upper() if text.isascii() else text
