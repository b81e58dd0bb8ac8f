"""The campaign engine that is configured."""

from django.conf import settings

from integrations.contracts import RunClock, Service
from integrations.selectors import service_url
from promotions.adapters.http import HttpCampaignEngine
from promotions.adapters.local import LocalCampaignEngine
from promotions.ports import CampaignEngine


def campaign_engine(clock: RunClock) -> CampaignEngine:
    """The engine at ``CAMPAIGN_ENGINE_URL``; the platform itself without one."""
    url = service_url(Service.CAMPAIGN_ENGINE)
    return HttpCampaignEngine(url=url, key=settings.CAMPAIGN_ENGINE_KEY, clock=clock) if url else LocalCampaignEngine()
