"""Port to a campaign engine, which shows promotions in other systems."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class CampaignSegment:
    """The segment of a campaign. ``external_id`` is its ID in the segmentation service."""

    id: uuid.UUID
    external_id: str
    segment_type: str
    status: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """A promotion as it is sent to a campaign engine. ``version`` increases with every change."""

    id: uuid.UUID
    version: int
    merchant_id: str
    name: str
    description: str
    status: str
    trigger: str
    starts_at: datetime
    ends_at: datetime
    currency: str
    priority: int
    offer: Mapping[str, Any]
    segment: CampaignSegment | None


class CampaignEngine(Protocol):
    """Protocol of a campaign engine.

    Calls are idempotent and may arrive late: the engine ignores a version older than the one it has.
    """

    def upsert(self, campaign: Campaign) -> None:
        """Create or update the campaign, whose ``status`` is part of it. Raises DeliveryFailed, CircuitOpen."""
        ...
