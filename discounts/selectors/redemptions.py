"""Reads of redemptions of discount codes."""

import uuid
from collections.abc import Mapping, Sequence

from core import db
from discounts.models import UsageReturn
from redemptions.contracts import Purchase


def get_return(*, usage_id: uuid.UUID) -> UsageReturn:
    """Return a returned redemption."""
    return UsageReturn.objects.get(pk=usage_id)


def was_returned(*, usage_id: uuid.UUID, brand_id: uuid.UUID) -> bool:
    """Return whether this redemption of one of the brand's codes was returned."""
    return UsageReturn.objects.filter(pk=usage_id, code__brand=brand_id).exists()


def active_items(*, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], bool]:
    """Return which items of purchases are active, and whether each is confirmed. Runs one query.

    See ``redemptions.contracts.RedemptionBackend``.
    """
    return {key: row["is_confirmed"] for key, row in _active_rows(purchases).items()}


def returned_amounts(*, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], int]:
    """Return what refunds returned of the items of purchases. Runs one query.

    See ``redemptions.contracts.RedemptionBackend``.
    """
    return {key: row["returned_amount"] for key, row in _active_rows(purchases).items()}


def _active_rows(purchases: Sequence[Purchase]) -> dict[tuple[uuid.UUID, str], db.Row]:
    pairs = [
        (purchase, item, key) for purchase in purchases for item in purchase.items for key in purchase.customer_keys
    ]
    rows = db.fetch_all(
        "discounts/sql/select_statuses.sql",
        {
            "redemptions": [purchase.id for purchase, _, _ in pairs],
            "codes": [int(item.key) for _, item, _ in pairs],
            "customers": [key for _, _, key in pairs],
        },
    )
    return {(row["redemption_id"], str(row["code_id"])): row for row in rows}
