"""Rules of code texts: format, digest, search keys, and patterns for generated codes."""

import hashlib
import math
import re
import secrets

from django.utils.translation import gettext_lazy as _

CODE_FORMAT_MESSAGE = _("Use 3 to 64 letters, digits, hyphens or underscores.")
PATTERN_FORMAT_MESSAGE = _("Use 3 to 64 letters, digits, hyphens or underscores, and # for random characters.")
CHARSET_FORMAT_MESSAGE = _("Use 2 to 36 different letters and digits.")
WILDCARD = "#"  # in a pattern: one character of the charset
DEFAULT_CHARSET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without look-alikes: no 0 and O, no 1, I and L
DEFAULT_PATTERN = "####-####-#####"  # 64 bits with the default charset: enough for 5,000,000 codes
MIN_COMBINATIONS_PER_CODE = 100_000  # one guess a minute finds a code in ten weeks on average
MIN_ENTROPY_BITS = 28  # for any number of codes
_CODE = re.compile(r"[A-Z0-9_-]{3,64}")
_PREFIX = re.compile(r"[A-Z0-9_-]{0,64}")
_PATTERN = re.compile(r"[A-Z0-9_#-]{3,64}")
_CHARSET = re.compile(r"[A-Z0-9]{2,36}")


def normalize_code(text: str) -> str | None:
    """Return the code as it is stored: upper case, without surrounding space. Return None if no code has this text."""
    code = text.strip().upper()
    return code if code.isascii() and _CODE.fullmatch(code) else None


def code_digest(code: str) -> bytes:
    """Return the SHA-256 of a normalized code, which replaces the code in URLs and logs."""
    return hashlib.sha256(code.encode()).digest()


def is_digest(text: str) -> bool:
    """Return whether the text is the lower-case hex SHA-256 of a code rather than a code."""
    return len(text) == 64 and not set(text) - set("0123456789abcdef")


def normalize_prefix(text: str) -> str | None:
    """Return the prefix of a code as codes are stored. Return None if no code starts with it."""
    prefix = text.strip().upper()
    return prefix if prefix.isascii() and _PREFIX.fullmatch(prefix) else None


def previous_key(text: str) -> str:
    """Return a key that sorts before every text with this prefix and after all texts that sort before the prefix."""
    return f"{text[:-1]}{chr(ord(text[-1]) - 1)}\x7f"


# --- patterns of generated codes --------------------------------------------------------------------------------------
def is_pattern(text: str) -> bool:
    """Return whether every code that the pattern generates has the format of a code."""
    return _PATTERN.fullmatch(text) is not None


def is_charset(text: str) -> bool:
    """Return whether the text consists of at least two letters and digits, all different."""
    return _CHARSET.fullmatch(text) is not None and len(set(text)) == len(text)


def count_combinations(pattern: str, charset: str) -> int:
    """Return the number of different codes that the pattern can generate."""
    return int(len(charset) ** pattern.count(WILDCARD))


def entropy_bits(pattern: str, charset: str) -> float:
    """Return the binary logarithm of the number of codes that the pattern can generate."""
    return pattern.count(WILDCARD) * math.log2(len(charset))


def is_too_weak(pattern: str, charset: str, *, count: int) -> bool:
    """Return whether ``count`` codes of the pattern would be easy to guess."""
    return count_combinations(pattern, charset) < max(count * MIN_COMBINATIONS_PER_CODE, 1 << MIN_ENTROPY_BITS)


def minimum_pattern(pattern: str, charset: str, *, count: int) -> str | None:
    """Return the pattern with as many more wildcards as ``count`` codes need, or None if it would be too long."""
    while is_too_weak(pattern, charset, count=count):
        pattern += WILDCARD
    return pattern if is_pattern(pattern) else None


def generate_codes(pattern: str, charset: str, *, count: int) -> list[str]:
    """Return ``count`` different random codes of the pattern, sorted. All codes have the same probability.

    ``count`` must not exceed the number of combinations. Random bytes that would favor some characters are dropped.
    """
    wildcards = pattern.count(WILDCARD)
    usable = 256 - 256 % len(charset)
    table = (charset * (256 // len(charset) + 1))[:256].encode()
    dropped = bytes(range(usable, 256))
    template = pattern.replace(WILDCARD, "%s")
    codes: set[str] = set()
    while len(codes) < count:
        missing = (count - len(codes)) * wildcards
        characters = secrets.token_bytes(missing * 256 // usable + 64).translate(table, dropped).decode()
        for start in range(0, min(missing, len(characters) - wildcards + 1), wildcards):
            codes.add(template % tuple(characters[start : start + wildcards]))
    return sorted(codes)
