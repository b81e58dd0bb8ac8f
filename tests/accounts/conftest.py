"""Callers of the accounts tests."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import selectors, services
from accounts.contracts import Caller
from accounts.models import User


@pytest.fixture
def api() -> APIClient:
    """Somebody without credentials."""
    return APIClient()


@pytest.fixture
def bearer() -> Callable[[User], APIClient]:
    """A client that sends this user's access token."""

    def client(user: User) -> APIClient:
        token = services.tokens_for(user=user, at=timezone.now()).access
        return APIClient(headers={"Authorization": f"Bearer {token}"})

    return client


@pytest.fixture
def caller() -> Callable[[User], Caller]:
    """This user as a caller."""
    return selectors.caller_of
