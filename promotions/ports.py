"""What the platform needs of a campaign engine."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class CampaignSegment:
    """The segment of a promotion as an engine is to know it; ``external_id`` is the segmentation service's name."""

    id: uuid.UUID
    external_id: str
    segment_type: str
    status: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """A promotion as an engine is to know it; ``version`` goes up with every change that it is told of."""

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
    """Shows promotions elsewhere.

    Its safety promise: whatever is told again, late or twice leaves the engine as if it had been told once, because a
    version that is older than what it knows changes nothing.
    """

    def upsert(self, campaign: Campaign) -> None:
        """The promotion is like this now; ``status`` says whether it is still to come, live, or over.

        Raises NotTaken or LeftAlone (``integrations``) when the engine did not take it.
        """
        ...
