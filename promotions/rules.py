"""Decisions about codes and promotions: values in, values out."""

import hashlib
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from promotions.engine import Cart, Offer, Select
from promotions.engine.offer import BuyGet, Contains, GiftOf, Subtotal

ANY = "*"
REACH = 2  # a cart at half of a minimum still hears what is missing
SHARDS = 16
MANY = 10 * SHARDS  # below so many units a limit is one row: shards of a few units would only lend to one another
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


def gates(offer: Offer, *, brand: str) -> list[str]:
    """What a cart must hold, one of these at least, for the offer of a brand to have a chance.

    The narrowest necessary set: what a ``contains`` condition asks for, else what the benefits can touch. An offer that
    may touch anything has the one gate ``<brand>|*``.
    """
    wanted = [_tokens(it.select) for it in offer.conditions if isinstance(it, Contains)]
    benefits = [{ANY} if isinstance(it, GiftOf | BuyGet) else _tokens(it.narrow.select) for it in offer.benefits]
    wanted.append(set().union(*benefits))
    narrowest = min(wanted, key=lambda tokens: (ANY in tokens, len(tokens)))
    return sorted(f"{brand}|{token}" for token in narrowest) if ANY not in narrowest else [f"{brand}|{ANY}"]


def _tokens(select: Select) -> set[str]:
    if select.skus:
        return {f"sku:{sku}" for sku in select.skus}
    if select.categories:
        return {f"cat:{category}" for category in select.categories}
    return {ANY}


def cart_gates(cart: Cart, *, shop: str | None) -> list[str]:
    """Every gate that a cart opens, of the brands that its lines name and of the shop that asks."""
    found = {f"{shop}|{ANY}"} if shop else set()
    for line in cart.lines:
        if line.brand:
            found |= {f"{line.brand}|{ANY}", f"{line.brand}|sku:{line.sku}"}
            found |= {f"{line.brand}|cat:{category}" for category in line.categories}
    return sorted(found)


def least_subtotal(offer: Offer) -> Decimal | None:
    """The highest minimum that the offer asks of a whole cart before discounts, or None when it asks none."""
    asked = [
        it.value
        for it in offer.conditions
        if isinstance(it, Subtotal) and it.kind == "min_subtotal" and it.basis == "before" and it.select == Select()
    ]
    return max(asked, default=None)


def reach(cart: Cart) -> Decimal:
    """The highest minimum of which the cart still hears: what it is worth, times REACH."""
    worth = sum(line.quantity * line.unit_price for line in cart.lines)
    return Decimal(worth).scaleb(-cart.exponent) * REACH


def periods(at: datetime) -> dict[str, date]:
    """The first day of the day, week (from Monday) and month in which a local instant lies."""
    day = at.date()
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}


def shares(cap: int) -> list[int]:
    """A cap divided over shards, or left whole when it is small; the shares add up to the cap."""
    if cap < MANY:
        return [cap]
    return [cap // SHARDS + (1 if shard < cap % SHARDS else 0) for shard in range(SHARDS)]


def gathered(rows: Iterable[tuple[int, int, int]], *, wanted: int, home: int) -> dict[int, tuple[int, int]] | None:
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
