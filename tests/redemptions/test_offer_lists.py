"""Lists of offers of every kind take the same conditions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand
from coupons.models import CouponDefinition
from discounts.models import DiscountCode
from promotions.models import Promotion
from tests.checkout.builders import error_fields
from tests.factories import BrandFactory, CampaignFactory, CouponFactory, DiscountCodeFactory, PromotionFactory
from vouchers.models import Campaign

pytestmark = pytest.mark.django_db
LISTS: dict[str, tuple[Callable[..., Any], type[Any], str]] = {
    "promotions": (PromotionFactory, Promotion, "id"),
    "coupons": (CouponFactory, CouponDefinition, "id"),
    "discountcode": (DiscountCodeFactory, DiscountCode, "offer_id"),
    "campaigns": (CampaignFactory, Campaign, "id"),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_restricted_by_status_brand_and_time(name: str, brand_client: Callable[[Brand], Client]) -> None:
    create, model, key = LISTS[name]
    billo: Brand = BrandFactory(slug="billo", timezone="Europe/Madrid")
    client, today = brand_client(billo), timezone.localdate()
    active, paused, old = (create(brand=billo) for _ in range(3))
    model.objects.filter(pk=paused.pk).update(decision="paused")
    model.objects.filter(pk__in=[active.pk, paused.pk]).update(created_at=timezone.now())
    model.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=9))

    def listed(**query: str) -> set[str]:
        response = client.get(f"/api/v1/{name}/", query)
        assert response.status_code == 200, response.content
        return {row[key] for row in response.json()["results"]}

    def ids(*offers: Any) -> set[str]:
        return {str(getattr(offer, key)) for offer in offers}

    assert listed(status="paused") == ids(paused)
    assert listed(status="active") == ids(active, old)
    assert listed(status="active", created_after=str(today - timedelta(days=1))) == ids(active)
    assert listed(status="active", created_before=str(today - timedelta(days=8)), brand="billo") == ids(old)
    assert listed(status="archived") == listed(brand="cake") == set()
    refused = client.get(f"/api/v1/{name}/", {"status": "new", "created_before": "soon"})
    assert (refused.status_code, sorted(error_fields(refused))) in [
        (400, ["created_before", "status"]),
        (400, ["status"]),
    ]
