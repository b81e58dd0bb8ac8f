"""Fixtures of the accounts tests."""

import dataclasses
from collections.abc import Callable

import pytest
from celery import current_app
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import selectors, services
from accounts.contracts import Caller
from accounts.models import User
from tests.conftest import methods_of


@pytest.fixture
def api() -> APIClient:
    """An API client without credentials."""
    return APIClient()


@pytest.fixture
def shopper_client() -> Callable[[User], APIClient]:
    """A factory of API clients that send a user's access token."""

    def client(user: User) -> APIClient:
        token = services.tokens_for(user=user, at=timezone.now(), methods=methods_of(user)).access
        return APIClient(headers={"Authorization": f"Bearer {token}"})

    return client


@pytest.fixture
def caller() -> Callable[[User], Caller]:
    """A factory of callers for users, who signed in with what is required."""

    def caller_of(user: User) -> Caller:
        return dataclasses.replace(selectors.caller_of(user), has_second_factor=user.is_superuser)

    return caller_of


@pytest.fixture(autouse=True, scope="session")
def registered_tasks() -> None:
    """All tasks registered, as in a worker."""
    current_app.loader.import_default_modules()
