"""The campaign engine of the settings."""

from django.conf import settings

from integrations.contracts import RunClock, Service
from integrations.selectors import service_url
from promotions.adapters.http import HttpCampaignEngine
from promotions.adapters.local import LocalCampaignEngine
from promotions.ports import CampaignEngine


def campaign_engine(clock: RunClock) -> CampaignEngine:
    """Return the engine at ``CAMPAIGN_ENGINE_URL``, or the local one without a URL."""
    url = service_url(Service.CAMPAIGN_ENGINE)
    return HttpCampaignEngine(url=url, key=settings.CAMPAIGN_ENGINE_KEY, clock=clock) if url else LocalCampaignEngine()
