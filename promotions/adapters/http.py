"""A campaign engine over HTTP; docs/integrations.md describes its API."""

from dataclasses import asdict

from integrations.client import Client
from integrations.contracts import RunClock, Service
from promotions.ports import Campaign


class HttpCampaignEngine:
    """HTTP client of a campaign engine (``promotions.ports.CampaignEngine``).

    The idempotency key of a call is the promotion and its version.
    """

    def __init__(self, *, url: str, key: str, clock: RunClock) -> None:
        self._client = Client(Service.CAMPAIGN_ENGINE, url=url, key=key, clock=clock)

    def upsert(self, campaign: Campaign) -> None:
        document = asdict(campaign) | {
            "id": str(campaign.id),
            "starts_at": campaign.starts_at.isoformat(),
            "ends_at": campaign.ends_at.isoformat(),
        }
        if campaign.segment is not None:
            document["segment"]["id"] = str(campaign.segment.id)
        self._client.call("PUT", f"/campaigns/{campaign.id}", document, key=f"{campaign.id}:{campaign.version}")
