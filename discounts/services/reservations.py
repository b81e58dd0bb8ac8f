"""Reservations of codes by checkout. Each function runs in the caller's transaction."""

import uuid
from collections.abc import Collection, Iterable, Sequence

from core import db
from core.ids import uuid7
from discounts.selectors.codes import read_code_limits
from redemptions.amendments import exchange_items
from redemptions.contracts import AmendedItem, CustomerMove, LimitedOffer, OfferUnavailable, Purchase, ReturnedItem
from redemptions.errors import CodeAlreadyUsed, CodeInactive, ReservationExpired
from redemptions.lifecycle import find_status_error


def lock_offers(*, offers: Collection[uuid.UUID]) -> dict[uuid.UUID, LimitedOffer]:
    """Lock codes against changes of their limits, and return them."""
    return _read_all(db.fetch_all("discounts/sql/lock_codes.sql", {"offers": list(offers)}))


def _read_all(rows: Iterable[db.Row]) -> dict[uuid.UUID, LimitedOffer]:
    codes = (read_code_limits(row, counts_codes=row["has_batches"]) for row in rows)
    return {code.id: code for code in codes}


def record_uses(*, offer: uuid.UUID) -> None:
    """Insert the uses of redemptions from before the code had limits."""
    db.execute("discounts/sql/record_uses.sql", {"offer": offer})


def reserve(*, purchase: Purchase) -> dict[uuid.UUID, LimitedOffer]:
    """Reserve one redemption of each code until ``purchase.until``, in key order.

    Return the codes, locked. Raises OfferUnavailable with CodeAlreadyUsed,
    CodeInactive, CodeNotStarted or CodeExpired.
    """
    items = sorted(purchase.items, key=lambda item: int(item.key))
    rows = db.fetch_all(
        "discounts/sql/reserve_codes.sql",
        {
            "codes": [int(item.key) for item in items],
            "ids": [uuid7() for _ in items],
            "discounts": [item.amount for item in items],
            "customer": purchase.shopper_key,
            "redemption": purchase.id,
            "currency": purchase.currency,
            "amount": purchase.subtotal,
            "at": purchase.at,
            "until": purchase.until,
        },
    )
    rows_by_key = {row["id"]: row for row in rows}
    for item in items:
        row = rows_by_key.get(int(item.key))
        error = CodeInactive() if row is None else find_status_error(row["status"])
        if error is not None:
            raise OfferUnavailable(item, error)
        if row is None or not row["is_reserved"]:
            raise OfferUnavailable(item, CodeAlreadyUsed())
    return _read_all(rows)


def confirm(*, purchase: Purchase) -> None:
    """Confirm the reservations. Raises ReservationExpired if one has expired."""
    row = db.fetch_one("discounts/sql/confirm_redemptions.sql", _redemptions_of(purchase))
    if row != {"confirmed": len(purchase.items)}:
        raise ReservationExpired


def release(*, purchase: Purchase) -> None:
    """Release the reservations. Confirmed redemptions stay."""
    db.execute("discounts/sql/release_redemptions.sql", _redemptions_of(purchase))


def return_items(*, purchase: Purchase, returned: Sequence[ReturnedItem]) -> None:
    """Return parts of the discounts, and whole redemptions, so that the shopper can redeem the codes again."""
    kept = [item for item in returned if not item.is_use_returned]
    if kept:
        amounts = {int(item.key): item.amount for item in kept}
        params = {"codes": sorted(amounts), "amounts": [amounts[code] for code in sorted(amounts)]}
        db.execute("discounts/sql/return_discounts.sql", _redemptions_of(purchase) | params)
    if uses := sorted(int(item.key) for item in returned if item.is_use_returned):
        db.execute("discounts/sql/return_redemptions.sql", _redemptions_of(purchase) | {"codes": uses})


def amend_items(*, purchase: Purchase, amended: Sequence[AmendedItem]) -> None:
    """Change the discounts of confirmed redemptions. Raises OfferUnavailable for a new code that can't be redeemed."""
    amounts = exchange_items(
        purchase=purchase, amended=amended, return_items=return_items, reserve=reserve, confirm=confirm
    )
    if amounts:
        codes = sorted(amounts, key=int)
        params = {"codes": [int(code) for code in codes], "discounts": [amounts[code] for code in codes]}
        db.execute(
            "discounts/sql/amend_redemptions.sql", _redemptions_of(purchase) | params | {"amount": purchase.subtotal}
        )


def move_customer(*, move: CustomerMove) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Make the redemptions of a customer those of another one, except of codes that both have redeemed.

    Return the redemptions without an order, with the offer IDs of their codes.
    """
    rows = db.fetch_all("discounts/sql/move_redemptions.sql", move.as_params())
    return [(row["id"], row["offer_id"]) for row in rows]


def _redemptions_of(purchase: Purchase) -> dict[str, object]:
    return {
        "codes": sorted(int(item.key) for item in purchase.items),
        "customers": purchase.customer_keys,
        "redemption": purchase.id,
        "at": purchase.at,
    }
