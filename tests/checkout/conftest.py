"""Who shops where in the tests of checkout."""

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
    """The HTTP client of a shopper who is signed in."""
    return shopper_client(user)


@pytest.fixture
def server(brand_client: Callable[[Any], Client], billo: Brand) -> Client:
    """The HTTP client of billo's server."""
    return brand_client(billo)


@pytest.fixture
def ten(billo: Brand) -> None:
    """Billo's code TEN: ten per cent."""
    DiscountCodeFactory(text="TEN", brand=billo)
