"""Rules of code texts: format, canonical form, choice among brands, search keys, and patterns of generated codes."""

import math
import re
import secrets
import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from core.texts import to_upper_case
from redemptions.codes.contracts import FoundCode, RestrictedCode
from redemptions.contracts import CodeStatus
from redemptions.errors import CodeExpired, CodeInactive, CodeNotFound

CODE_FORMAT_MESSAGE = _("Use 3 to 64 letters, digits, hyphens or underscores.")
PATTERN_FORMAT_MESSAGE = _("Use 3 to 64 letters, digits, hyphens or underscores, and # for random characters.")
CHARSET_FORMAT_MESSAGE = _("Use 2 to 36 different letters and digits.")
REVOKED_MESSAGE = _("This code was revoked.")
MAX_LENGTH = 64  # of the text of a code
WILDCARD = "#"  # in a pattern: one character of the charset
DEFAULT_CHARSET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without look-alikes: no 0 and O, no 1, I and L
DEFAULT_PATTERN = "####-####-#####"  # 64 bits with the default charset: enough for 5,000,000 codes
MIN_COMBINATIONS_PER_CODE = 100_000  # one guess a minute finds a code in ten weeks on average
MIN_ENTROPY_BITS = 28  # for any number of codes
MIN_SAMPLE = 20  # codes of one length whose positions show how they were made
_CODE = re.compile(r"[A-Z0-9_-]{3,64}")
_CANONICAL = re.compile(r"[A-Z0-9]{3,64}")
_IGNORED = re.compile(r"[\s_-]+")
_PREFIX = re.compile(r"[A-Z0-9_-]{0,64}")
_PATTERN = re.compile(r"[A-Z0-9_#-]{3,64}")
_CHARSET = re.compile(r"[A-Z0-9]{2,36}")


def normalize_code(text: str) -> str | None:
    """Return the code as it is stored: upper case, without surrounding space. Return None if no code has this text."""
    code = to_upper_case(text.strip())
    return code if _CODE.fullmatch(code) and canonicalize_code(code) else None


def canonicalize_code(text: str) -> str | None:
    """Return the form by which codes are compared: upper case, without spaces, hyphens and underscores.

    Return None if no code has this text. A canonical form has 3 to 64 letters and digits.
    """
    code = to_upper_case(_IGNORED.sub("", text))
    return code if _CANONICAL.fullmatch(code) else None


def find_code_error(code: RestrictedCode, *, customer: int | None, at: datetime) -> DomainError | None:
    """Return the error that stops a customer from redeeming a code, whatever its offer, or None.

    A code that is assigned to somebody else is as if it didn't exist. Whether a single-use code is used, the kind of
    offer knows.
    """
    if code.customer not in (None, customer):
        return CodeNotFound()
    if code.revoked_at is not None:
        return CodeInactive(REVOKED_MESSAGE)
    is_expired = code.expires_at is not None and code.expires_at <= at
    return CodeExpired() if is_expired else None


def unused_status(*, expires_at: datetime | None, revoked_at: datetime | None, at: datetime) -> CodeStatus:
    """Return the status of a code that is neither used nor reserved."""
    if revoked_at is not None:
        return CodeStatus.REVOKED
    return CodeStatus.EXPIRED if expires_at is not None and expires_at <= at else CodeStatus.AVAILABLE


def choose_code(found: Sequence[FoundCode], *, own: Collection[uuid.UUID] = ()) -> FoundCode | None:
    """Return the code that a text alone means: that of one of the brands ``own``, otherwise the oldest.

    ``found`` are the codes of the text, oldest first.
    """
    return next((code for code in found if code.brand_id in own), found[0] if found else None)


def choose_codes_of_cart(
    found: Sequence[FoundCode], *, brands: Collection[str], any_brand: bool
) -> dict[str, list[FoundCode]]:
    """Return the codes that each canonical form means in a cart; one that means no code is absent.

    A code means that of each of the cart's ``brands`` that has it. With ``any_brand``, for lines of which the caller
    names no brand, a code that none of these has means that of the brand of the other codes, otherwise the oldest.
    ``found`` are the codes of the texts, oldest first.
    """
    chosen: dict[str, list[FoundCode]] = {}
    for code in found:
        if code.brand in brands:
            chosen.setdefault(code.canonical, []).append(code)
    if any_brand:
        others = [code for code in found if code.canonical not in chosen]
        shared = _brands_of_all(others)
        for code in others:
            if not shared or code.brand in shared:
                chosen.setdefault(code.canonical, [code])
    return chosen


def _brands_of_all(codes: Sequence[FoundCode]) -> set[str]:
    """Return a brand that has all these texts, as a set: of several, that of the oldest code; empty without one."""
    brands_by_text: dict[str, set[str]] = {}
    for code in codes:
        brands_by_text.setdefault(code.canonical, set()).add(code.brand)
    shared = set.intersection(*brands_by_text.values()) if brands_by_text else set()
    return next(({code.brand} for code in codes if code.brand in shared), set())


def is_digest(text: str) -> bool:
    """Return whether the text is the lower-case hex SHA-256 of a code rather than a code."""
    return len(text) == 64 and not set(text) - set("0123456789abcdef")


def normalize_prefix(text: str) -> str | None:
    """Return the prefix of a code as codes are stored. Return None if no code starts with it."""
    prefix = to_upper_case(text.strip())
    return prefix if _PREFIX.fullmatch(prefix) else None


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
    return count_combinations(pattern, charset) < _required_combinations(count)


def _required_combinations(count: int) -> int:
    return max(count * MIN_COMBINATIONS_PER_CODE, 1 << MIN_ENTROPY_BITS)


def minimum_pattern(pattern: str, charset: str, *, count: int) -> str | None:
    """Return the pattern with as many more wildcards as ``count`` codes need, or None if it would be too long."""
    while is_too_weak(pattern, charset, count=count):
        pattern += WILDCARD
    return pattern if is_pattern(pattern) else None


def find_weak_codes(codes: Collection[str], *, count: int) -> set[str]:
    """Return those of the codes that would be easy to guess, if ``count`` codes were like them.

    The origin of a code is unknown, so this is an upper bound: each character could be any digit, letter, or either,
    as far as the code has them. For many codes of one length, each position counts what these codes have there, so
    that a common prefix adds nothing and running numbers are found.
    """
    required = _required_combinations(count)
    symbols = {code: code.replace("-", "").replace("_", "") for code in codes}
    weak = {code for code, text in symbols.items() if _alphabet_size(text) ** len(text) < required}
    codes_by_length: dict[int, list[str]] = {}
    for code, text in symbols.items():
        codes_by_length.setdefault(len(text), []).append(code)
    for similar in codes_by_length.values():
        if len(similar) >= MIN_SAMPLE:
            positions = zip(*(symbols[code] for code in similar), strict=True)
            if math.prod(_position_size(set(characters)) for characters in positions) < required:
                weak.update(similar)
    return weak


def _position_size(characters: set[str]) -> int:
    return 1 if len(characters) == 1 else _alphabet_size(characters)


def _alphabet_size(characters: Iterable[str]) -> int:
    digits = [character.isdigit() for character in characters]
    return (10 if any(digits) else 0) + (0 if all(digits) else 26)


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
