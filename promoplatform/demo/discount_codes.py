"""Discount codes of the demo."""

from datetime import datetime, timedelta
from typing import Any

from accounts.models import Brand
from discounts import services
from redemptions.codes.services import create_batch, generate_small_batch

CODES: dict[str, tuple[str, dict[str, Any]]] = {
    "AHMED2026BILLO": ("billo", {"discount": 10, "name": "Ahmed's 10%"}),
    "BILLOFRIENDS": ("billo", {"discount": 20, "name": "For friends", "audience": "purchased_more_than_twice"}),
    "BILLOBIG": (
        "billo",
        {"discount": 15, "name": "15% off orders over €50", "conditions": [{"kind": "min_subtotal", "value": "50.00"}]},
    ),
    "CAKE25": ("cake", {"discount": 25, "name": "25% off cake"}),
}
WITH_SINGLE_USE_CODES = {"BILLOFRIENDS"}


def create_discount_codes(brands: dict[str, Brand], *, at: datetime) -> int:
    """Create the discount codes of both brands; return their number.

    One has an audience and single-use codes, one has a condition.
    """
    for text, (slug, rule) in CODES.items():
        code = services.create_code(
            brand=brands[slug], text=text, rule=rule, validity=at + timedelta(days=365), notify=slug == "billo",
            by=None, at=at,
        )  # fmt: skip
        if text in WITH_SINGLE_USE_CODES:
            batch = create_batch(
                kind="discount_code", brand=brands[slug], offer=code.offer_id, count=20, pattern="FRIEND-##########",
                at=at,
            )  # fmt: skip
            generate_small_batch(batch=batch)
    return len(CODES)
