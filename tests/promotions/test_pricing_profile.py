"""Pricing settings of a brand."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Brand
from promotions.models import PricingProfile
from tests.factories import BrandFactory, DiscountCodeFactory, MembershipFactory

pytestmark = pytest.mark.django_db
PAGE = "/admin/promotions/pricingprofile/"
PROFILE = {
    "rounding": "down", "round_on": "discount", "remainder": "first", "percent_base": "running",
    "free_units": "cheapest", "return_cancelled_uses": "on", "budget_overrun": "all_or_nothing",
}  # fmt: skip


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def owner(billo: Brand) -> Client:
    client = Client()
    client.force_login(MembershipFactory(brand=billo).user)
    return client


def quote_discount(server: Client) -> str:
    """Return the discount of a quote for a cart of 9.99 with a code for 50% off."""
    line = {"id": "1", "sku": "shoe", "quantity": 1, "unit_price": "9.99"}
    cart = {"currency": "EUR", "lines": [line], "codes": ["HALF"], "customer_id": "c1"}
    total: str = server.post("/api/v1/checkout/quote/", cart, content_type="application/json").json()["discount_total"]
    return total


def test_the_next_quote_uses_the_new_rounding(
    owner: Client, billo: Brand, brand_client: Callable[[Any], Client]
) -> None:
    DiscountCodeFactory(brand=billo, text="HALF", percent=50)
    server = brand_client(billo)
    assert quote_discount(server) == "5.00"  # 4.995, rounded half up

    response = owner.post(f"{PAGE}add/", PROFILE | {"brand": str(billo.pk)})

    assert response.status_code == 302
    assert quote_discount(server) == "4.99"
    owner.post(f"{PAGE}{billo.pk}/change/", PROFILE | {"rounding": "half_up"})
    assert quote_discount(server) == "5.00"


def test_an_invalid_choice_and_another_brand_are_rejected_at_their_fields(owner: Client, billo: Brand) -> None:
    other = BrandFactory()

    for changes in ({"rounding": "up"}, {"brand": str(other.pk)}):
        response = owner.post(f"{PAGE}add/", PROFILE | {"brand": str(billo.pk)} | changes)
        assert response.status_code == 200
        assert next(iter(changes)) in response.context["adminform"].form.errors

    assert not PricingProfile.objects.exists()
