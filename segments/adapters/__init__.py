"""Adapters of the segmentation service."""

from django.conf import settings

from integrations.contracts import RunClock, Service
from integrations.selectors import service_url
from segments.adapters.http import HttpSegmentation
from segments.adapters.local import LocalSegmentation
from segments.ports import SegmentationService


def segmentation(clock: RunClock) -> SegmentationService:
    """Return the service at ``SEGMENTATION_SERVICE_URL``, or the platform itself if the setting is empty."""
    url = service_url(Service.SEGMENTATION)
    if not url:
        return LocalSegmentation()
    return HttpSegmentation(url=url, key=settings.SEGMENTATION_SERVICE_KEY, clock=clock)
