"""Decisions about codes and promotions: values in, values out."""

import hashlib
import math
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from pricing import Cart, Offer, Select
from pricing.offer import BuyGet, Contains, GiftOf, Subtotal

MATCH_ALL = "*"
UPSELL_FACTOR = 2  # a cart at half of a minimum still hears what is missing
SHARDS = 16
SHARDING_THRESHOLD = (
    10 * SHARDS
)  # below so many units a limit is one row: shards of a few units would only lend to one another
LINE = 1_000  # bytes of a line of CSV that are looked at
PART = 64 * 1024  # bytes of a file that are read at once
WILDCARD = "#"  # in a pattern: one character of the charset
CHARSET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nobody mistakes one of these for another: no 0 O, no 1 I L
PATTERN = "####-####-#####"  # 64 bits of this charset: no one guesses one of 5,000,000
MIN_ODDS = 100_000  # possible codes for each that there is: a guess a minute hits once in ten weeks
MIN_BITS = 28  # however few codes there are
_PATTERN = re.compile(r"[A-Z0-9_#-]{3,64}")
_CHARSET = re.compile(r"[A-Z0-9]{2,36}")
_TEXT = re.compile(r"[A-Z0-9_-]{3,64}")


def normalize_code(text: str) -> str | None:
    """The code as it is stored (upper case, no surrounding space), or None for what can be no code."""
    candidate = text.strip().upper()
    return candidate if candidate.isascii() and _TEXT.fullmatch(candidate) else None


def code_digest(text: str) -> bytes:
    """The SHA-256 of a normalised code: its name where codes should not stand, such as addresses and logs."""
    return hashlib.sha256(text.encode()).digest()


def is_digest(name: str) -> bool:
    """Whether a name is the lower-case hex SHA-256 of a code rather than a code."""
    return len(name) == 64 and not set(name) - set("0123456789abcdef")


def match_keys(offer: Offer, *, brand: str) -> list[str]:
    """What a cart must hold, one of these at least, for the offer of a brand to have a chance.

    The narrowest necessary set: what a ``contains`` condition asks for, else what the benefits can touch. An offer that
    may touch anything has the one gate ``<brand>|*``.
    """
    wanted = [_tokens(it.select) for it in offer.conditions if isinstance(it, Contains)]
    benefits = [{MATCH_ALL} if isinstance(it, GiftOf | BuyGet) else _tokens(it.narrow.select) for it in offer.benefits]
    wanted.append(set().union(*benefits))
    narrowest = min(wanted, key=lambda tokens: (MATCH_ALL in tokens, len(tokens)))
    return sorted(f"{brand}|{token}" for token in narrowest) if MATCH_ALL not in narrowest else [f"{brand}|{MATCH_ALL}"]


def _tokens(select: Select) -> set[str]:
    if select.skus:
        return {f"sku:{sku}" for sku in select.skus}
    if select.categories:
        return {f"cat:{category}" for category in select.categories}
    return {MATCH_ALL}


def cart_match_keys(cart: Cart, *, shop: str | None) -> list[str]:
    """Every gate that a cart opens, of the brands that its lines name and of the shop that asks."""
    found = {f"{shop}|{MATCH_ALL}"} if shop else set()
    for line in cart.lines:
        if line.brand:
            found |= {f"{line.brand}|{MATCH_ALL}", f"{line.brand}|sku:{line.sku}"}
            found |= {f"{line.brand}|cat:{category}" for category in line.categories}
    return sorted(found)


def required_subtotal(offer: Offer) -> Decimal | None:
    """The highest minimum that the offer asks of a whole cart before discounts, or None when it asks none."""
    asked = [
        it.value
        for it in offer.conditions
        if isinstance(it, Subtotal) and it.kind == "min_subtotal" and it.basis == "before" and it.select == Select()
    ]
    return max(asked, default=None)


def upsell_subtotal(cart: Cart) -> Decimal:
    """The highest minimum of which the cart still hears: what it is worth, times REACH."""
    worth = sum(line.quantity * line.unit_price for line in cart.lines)
    return Decimal(worth).scaleb(-cart.exponent) * UPSELL_FACTOR


def periods(at: datetime) -> dict[str, date]:
    """The first day of the day, week (from Monday) and month in which a local instant lies."""
    day = at.date()
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}


def split_cap(cap: int) -> list[int]:
    """A cap divided over shards, or left whole when it is small; the shares add up to the cap."""
    if cap < SHARDING_THRESHOLD:
        return [cap]
    return [cap // SHARDS + (1 if shard < cap % SHARDS else 0) for shard in range(SHARDS)]


def consolidate_shards(
    rows: Iterable[tuple[int, int, int]], *, wanted: int, home: int
) -> dict[int, tuple[int, int]] | None:
    """What shards ``(shard, taken, cap)`` become when all that is left moves to ``home`` and ``wanted`` is taken there.

    ``{shard: (taken, cap)}``, or None when too little is left. The sum of the caps never changes.
    """
    known = {shard: (taken, cap) for shard, taken, cap in rows}
    left = sum(cap - taken for taken, cap in known.values())
    if left < wanted or not known:
        return None
    target = home if home in known else min(known)
    moved = {shard: (taken, taken) for shard, (taken, _) in known.items()}
    taken = known[target][0]
    return moved | {target: (taken + wanted, taken + left)}


# --- codes made from a pattern ---------------------------------------------------------------------------------------
def is_pattern(text: str) -> bool:
    """Whether each code of the pattern is a code."""
    return _PATTERN.fullmatch(text) is not None


def is_charset(text: str) -> bool:
    """Whether these are different letters and digits, two at least."""
    return _CHARSET.fullmatch(text) is not None and len(set(text)) == len(text)


def entropy_bits(pattern: str, charset: str) -> float:
    """The binary logarithm of how many codes the pattern allows."""
    return pattern.count(WILDCARD) * math.log2(len(charset))


def is_too_weak(pattern: str, charset: str, *, count: int) -> bool:
    """Whether so many codes would be too many of those that the pattern allows, or too short in themselves."""
    space: int = len(charset) ** pattern.count(WILDCARD)
    return space < max(count * MIN_ODDS, 1 << MIN_BITS)


def minimum_pattern(pattern: str, charset: str, *, count: int) -> str | None:
    """The pattern with as many more wild characters as so many codes need; None where no code is that long."""
    while is_too_weak(pattern, charset, count=count):
        pattern += WILDCARD
    return pattern if is_pattern(pattern) else None


def generate_codes(pattern: str, charset: str, *, count: int) -> list[str]:
    """So many different codes of the pattern, in order, each as likely as any other. Never more than it allows.

    The bytes that would make some characters likelier than others are thrown away.
    """
    wild = pattern.count(WILDCARD)
    fair = 256 - 256 % len(charset)
    table = (charset * (256 // len(charset) + 1))[:256].encode()
    unfair = bytes(range(fair, 256))
    whole = pattern.replace(WILDCARD, "%s")
    found: set[str] = set()
    while len(found) < count:
        wanted = (count - len(found)) * wild
        characters = secrets.token_bytes(wanted * 256 // fair + 64).translate(table, unfair).decode()
        for place in range(0, min(wanted, len(characters) - wild + 1), wild):
            found.add(whole % tuple(characters[place : place + wild]))
    return sorted(found)


def normalize_prefix(text: str) -> str | None:
    """What a code may begin with, as codes are stored; None for what none does."""
    start = text.strip().upper()
    return start if start.isascii() and re.fullmatch(r"[A-Z0-9_-]{0,64}", start) else None


def previous_key(text: str) -> str:
    """A text that sorts before a code, or what begins with it, and after everything that comes before that."""
    return f"{text[:-1]}{chr(ord(text[-1]) - 1)}\x7f"


def iter_lines(read: Callable[[int], bytes]) -> Iterator[str]:
    """The lines of a file as it arrives; of a line that is longer than any code, the beginning.

    Lines are parted here, because servers differ about what their bodies' own ``readline`` answers.
    """
    rest = b""
    while part := read(PART):
        *whole, rest = (rest + part).split(b"\n")
        yield from (line[:LINE].decode("utf-8", "replace") for line in whole)
        rest = rest[:LINE]
    if rest:
        yield rest.decode("utf-8", "replace")


def first_cell(line: str) -> str:
    """The first cell of a line of CSV, whatever it is divided by; without quotes and a spreadsheet's marks."""
    return re.split(r"[,;\t]", line.lstrip("\N{ZERO WIDTH NO-BREAK SPACE}"), maxsplit=1)[0].strip().strip("\"'").strip()
