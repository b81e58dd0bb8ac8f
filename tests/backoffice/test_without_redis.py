"""Admin pages work while Redis is unavailable, because cached values can be read again."""

from typing import Any

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from checkout.models import Redemption
from tests.factories import BrandFactory, CouponFactory, DiscountCodeFactory, PromotionFactory, UserFactory

PAGES = [
    reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for model in admin.site._registry
    if model is not Redemption  # found by the search
]


@pytest.fixture
def without_redis(settings: Any, redis_unavailable: None) -> None:
    """A cache and Redis clients with an address that does not respond."""
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": settings.REDIS_URL}}


@pytest.fixture
def root(db: None, client: Client) -> Client:
    """A superuser's client, with an offer of each kind."""
    brand = BrandFactory()
    DiscountCodeFactory(rule__brand=brand)
    CouponFactory(brand=brand)
    PromotionFactory(brand=brand)
    client.force_login(UserFactory(is_superuser=True))
    return client


def test_the_cache_forgets_instead_of_failing(without_redis: None) -> None:
    cache.set("key", "value")

    assert cache.get("key", "default") == "default"


@pytest.mark.parametrize("page", [reverse("admin:index"), reverse("redemption-search"), *PAGES])
def test_a_page_of_the_admin_answers_without_redis(root: Client, without_redis: None, page: str) -> None:
    assert root.get(page).status_code == 200
