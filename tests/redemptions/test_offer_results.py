"""The results on each offer's own object and in lists, for every kind."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import Brand
from redemptions.backends import get_backends
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from tests.factories import (
    BrandFactory,
    CampaignFactory,
    CouponFactory,
    DiscountCodeFactory,
    PromotionFactory,
    ShopperFactory,
)

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
AMOUNTS = {"EUR": {"gross": "100.00", "discount": "10.00", "net": "90.00", "returned_discount": "4.00"}}
OFFERS: dict[str, Callable[[Brand], tuple[Any, str, str]]] = {
    "coupon": lambda brand: _describe(CouponFactory(brand=brand), "pk", "/api/v1/coupons/"),
    "discount_code": lambda brand: _describe(DiscountCodeFactory(brand=brand), "code", "/api/v1/discountcode/"),
    "promotion": lambda brand: _describe(PromotionFactory(brand=brand), "pk", "/api/v1/promotions/"),
    "voucher": lambda brand: _describe(CampaignFactory(brand=brand), "slug", "/api/v1/campaigns/"),
}


def _describe(offer: Any, name: str, url: str) -> tuple[Any, str, str]:
    """Return the ID of an offer, and the URLs of the list and the offer."""
    return getattr(offer, "offer_id", offer.pk), url, f"{url}{getattr(offer, name)}/"


def test_every_kind_is_tested() -> None:
    assert set(OFFERS) == set(get_backends()) == set(settings.REDEMPTION_BACKENDS)


@pytest.mark.parametrize("kind", OFFERS)
def test_an_offer_has_its_results(kind: str, brand_client: ClientOf, shopper_client: ClientOf) -> None:
    brand, at = BrandFactory(), timezone.now()
    offer, list_url, url = OFFERS[kind](brand)
    server = brand_client(brand)
    before = server.get(url).json()["results"]
    data = {"confirmed_at": at.isoformat()}
    common: dict[str, Any] = {"offer": offer, "redemption": offer, "subtotal": 10_000, "currency": "EUR"}
    append_events(
        [
            NewEvent(EventType.REDEMPTION_RESERVED, at, brand.pk, kind, amount=1_000, **common),
            NewEvent(EventType.REDEMPTION_CONFIRMED, at, brand.pk, kind, amount=1_000, **common),
            NewEvent(EventType.REDEMPTION_PARTIALLY_RETURNED, at, brand.pk, kind, amount=400, data=data, **common),
        ]
    )

    assert before == {"reserved": 0, "confirmed": 0, "returned": 0, "orders": 0, "amounts": {}}
    results = server.get(url).json()["results"]
    assert results == {"reserved": 1, "confirmed": 1, "returned": 0, "orders": 1, "amounts": AMOUNTS}
    assert [item["results"] for item in server.get(list_url).json()["results"]] == [results]
    answer = shopper_client(ShopperFactory()).get(url)
    assert "results" not in answer.json() or answer.status_code >= 400
