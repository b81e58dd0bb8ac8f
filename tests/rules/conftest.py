"""The brand Billo, whose server does everything through the API."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Brand, User
from tests.factories import BrandFactory
from tests.rules.api import Shop


@pytest.fixture
def create_shop(
    brand_client: Callable[[Brand], Client], shopper_client: Callable[[User], Client]
) -> Callable[..., Shop]:
    """A function that returns the server of a new brand."""

    def create(**fields: Any) -> Shop:
        brand = BrandFactory(**fields)
        return Shop(brand, brand_client(brand), shopper_client)

    return create


@pytest.fixture
def shop(create_shop: Callable[..., Shop]) -> Shop:
    """The server of Billo."""
    return create_shop(slug="billo")
