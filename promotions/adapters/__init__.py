"""The campaign engine that is configured."""

from django.conf import settings

from promoplatform.kernel.outside.contracts import Clock, Service
from promoplatform.kernel.outside.selectors import address
from promotions.adapters.http import HttpCampaigns
from promotions.adapters.ours import OurCampaigns
from promotions.ports import CampaignEngine


def campaign_engine(clock: Clock) -> CampaignEngine:
    """The engine at ``CAMPAIGN_ENGINE_URL``; the platform itself without one."""
    url = address(Service.CAMPAIGN_ENGINE)
    return HttpCampaigns(url=url, key=settings.CAMPAIGN_ENGINE_KEY, clock=clock) if url else OurCampaigns()
