"""Fixtures of the checkout tests: a brand, a shopper, their HTTP clients, and a code."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Brand, User
from tests.factories import BrandFactory, DiscountCodeFactory, ShopperFactory


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def user() -> User:
    shopper: User = ShopperFactory()
    return shopper


@pytest.fixture
def shopper(shopper_client: Callable[[Any], Client], user: User) -> Client:
    """HTTP client of a signed-in shopper."""
    return shopper_client(user)


@pytest.fixture
def server(brand_client: Callable[[Any], Client], billo: Brand) -> Client:
    """HTTP client of Billo's server."""
    return brand_client(billo)


@pytest.fixture
def ten(billo: Brand) -> None:
    """Billo's code TEN, for 10% off."""
    DiscountCodeFactory(text="TEN", brand=billo)
