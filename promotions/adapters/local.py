"""The platform as its own campaign engine: checkout reads the promotions itself."""

from promotions.ports import Campaign


class LocalCampaignEngine:
    """Campaign engine without effect (``promotions.ports.CampaignEngine``)."""

    def upsert(self, campaign: Campaign) -> None:
        return None
