"""What staff of a brand do with redemptions of discount codes without an order."""

import uuid
from datetime import datetime

from core.errors import NotFound
from discounts.services import redemptions


def release_redemption(*, redemption: uuid.UUID, brand: uuid.UUID, at: datetime) -> None:
    """Raise NotFound: without an order, a discount code is redeemed at once, so there is no reservation."""
    raise NotFound


def return_redemption(*, redemption: uuid.UUID, brand: uuid.UUID, at: datetime) -> None:
    """Return a redemption, as ``StandaloneBackend.return_redemption`` describes it."""
    redemptions.return_redemption(usage_id=redemption, brand_id=brand, at=at, is_by_staff=True)
