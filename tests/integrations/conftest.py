from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from integrations.client import Client
from integrations.contracts import RunClock, Service
from tests.fakes.external_services import KEY, Outside


@pytest.fixture
def outside() -> Iterator[Outside]:
    with Outside() as standin:
        yield standin


@pytest.fixture
def client_at(outside: Outside) -> Callable[..., Client]:
    """A client of the stand-in, as of an instant."""

    def make(at: datetime, **changes: object) -> Client:
        said: dict = {"url": outside.url, "key": KEY, "clock": RunClock(at), "seconds": 0.5} | changes
        return Client(Service.CAMPAIGN_ENGINE, **said)

    return make
