"""The uses that a checkout holds: taken, made final, given back. Each runs inside the caller's transaction."""

from core import db
from core.ids import uuid7
from promotions.contracts import OfferUnavailable, Purchase
from promotions.errors import CodeAlreadyUsed, CodeExpired, CodeInactive, ReservationExpired


def reserve(*, purchase: Purchase) -> None:
    """Hold one use of each code until ``purchase.until``, in the order of their keys.

    Raises Lost, with CodeAlreadyUsed, or CodeInactive or CodeExpired when that came to pass since the quote.
    """
    takings = sorted(purchase.items, key=lambda taking: int(taking.key))
    rows = db.fetch_all(
        "discounts/sql/reserve_codes.sql",
        {
            "codes": [int(taking.key) for taking in takings],
            "ids": [uuid7() for _ in takings],
            "discounts": [taking.amount for taking in takings],
            "customer": purchase.shopper_key,
            "redemption": purchase.id,
            "currency": purchase.currency,
            "amount": purchase.subtotal,
            "at": purchase.at,
            "until": purchase.until,
        },
    )
    for taking in takings:
        row = next((row for row in rows if row["id"] == int(taking.key)), None)
        if row is None or not row["is_active"]:
            raise OfferUnavailable(taking, CodeInactive())
        if row["validity"] <= purchase.at:
            raise OfferUnavailable(taking, CodeExpired())
        if not row["held"]:
            raise OfferUnavailable(taking, CodeAlreadyUsed())


def confirm(*, purchase: Purchase) -> None:
    """Make the held uses final and queue the brands' notices. Raises ReservationExpired when one is no longer held."""
    if db.fetch_one("discounts/sql/confirm_redemptions.sql", _redemptions_of(purchase)) != {
        "confirmed": len(purchase.items)
    }:
        raise ReservationExpired


def release(*, purchase: Purchase) -> None:
    """Let go of what is still held; nothing final is touched."""
    db.execute("discounts/sql/release_redemptions.sql", _redemptions_of(purchase))


def return_items(*, purchase: Purchase) -> None:
    """Give the final uses back, so that the shopper can use the codes again."""
    db.execute("discounts/sql/return_redemptions.sql", _redemptions_of(purchase))


def _redemptions_of(purchase: Purchase) -> dict[str, object]:
    return {
        "codes": sorted(int(taking.key) for taking in purchase.items),
        "customer": purchase.shopper_key,
        "redemption": purchase.id,
        "at": purchase.at,
    }
