"""Fixtures of a fake external service and its client."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from integrations.client import Client
from integrations.contracts import RunClock, Service
from tests.fakes.external_services import KEY, FakeServices


@pytest.fixture
def fake_service() -> Iterator[FakeServices]:
    """A fake external service."""
    with FakeServices() as fake:
        yield fake


@pytest.fixture
def client_at(fake_service: FakeServices) -> Callable[..., Client]:
    """A function that returns a client of the fake service at a given time."""

    def build(at: datetime, **changes: object) -> Client:
        options: dict = {"url": fake_service.url, "key": KEY, "clock": RunClock(at), "seconds": 0.5} | changes
        return Client(Service.CAMPAIGN_ENGINE, **options)

    return build
