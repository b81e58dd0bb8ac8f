"""The segmentation service that is configured."""

from django.conf import settings

from integrations.contracts import RunClock, Service
from integrations.selectors import service_url
from segments.adapters.http import HttpSegmentation
from segments.adapters.local import LocalSegmentation
from segments.ports import SegmentationService


def segmentation(clock: RunClock) -> SegmentationService:
    """The service at ``SEGMENTATION_SERVICE_URL``; the platform itself without one."""
    url = service_url(Service.SEGMENTATION)
    if not url:
        return LocalSegmentation()
    return HttpSegmentation(url=url, key=settings.SEGMENTATION_SERVICE_KEY, clock=clock)
