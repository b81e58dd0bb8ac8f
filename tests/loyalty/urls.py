"""URLs of the platform, and those of the code batches of loyalty rewards."""

import uuid

from django.urls import include, path
from rest_framework.request import Request

from accounts.contracts import get_caller
from accounts.selectors import get_brand_for_caller, readable_brand_ids
from core.errors import NotFound
from promoplatform.urls import handler400, handler404, handler500
from promoplatform.urls import urlpatterns as platform_urlpatterns
from redemptions.codes.api.batches import batch_paths
from tests.loyalty.models import LoyaltyReward

__all__ = ["handler400", "handler404", "handler500", "urlpatterns"]


def get_readable_reward(request: Request, pk: uuid.UUID) -> LoyaltyReward:
    """Return a reward of the caller's brands. Raises NotFound."""
    reward = LoyaltyReward.objects.select_related("brand").filter(pk=pk).first()
    brand_ids = readable_brand_ids(get_caller(request.auth))
    if reward is None or (brand_ids is not None and reward.brand_id not in brand_ids):
        raise NotFound
    return reward


def get_editable_reward(request: Request, pk: uuid.UUID) -> LoyaltyReward:
    """Return a reward that the caller may edit. Raises NotFound, and PermissionDenied for viewers."""
    reward = get_readable_reward(request, pk)
    get_brand_for_caller(caller=get_caller(request.auth), slug=reward.brand.slug, edit=True)
    return reward


BATCHES = batch_paths(
    "loyalty/<uuid:pk>/", kind="loyalty_reward", find_readable=get_readable_reward, find_editable=get_editable_reward
)
urlpatterns = [path("api/v1/", include(BATCHES)), *platform_urlpatterns]
