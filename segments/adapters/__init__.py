"""The segmentation service that is configured."""

from django.conf import settings

from promoplatform.kernel.outside.contracts import Clock, Service
from promoplatform.kernel.outside.selectors import address
from segments.adapters.http import HttpSegmentation
from segments.adapters.ours import OurSegmentation
from segments.ports import SegmentationService


def segmentation(clock: Clock) -> SegmentationService:
    """The service at ``SEGMENTATION_SERVICE_URL``; the platform itself without one."""
    url = address(Service.SEGMENTATION)
    if not url:
        return OurSegmentation()
    return HttpSegmentation(url=url, key=settings.SEGMENTATION_SERVICE_KEY, clock=clock)
