"""Fixtures of the tests of all kinds: the loyalty rewards are installed beside the kinds of the platform."""

from collections.abc import Iterator
from typing import Any

import pytest

from redemptions import backends

CACHES = (backends.get_backends, backends.get_code_backends, backends.get_standalone_backends)


@pytest.fixture(autouse=True)
def loyalty(settings: Any) -> Iterator[None]:
    """Install the backend of loyalty rewards, as its entry point would."""
    own = {"loyalty_reward": "tests.loyalty.backend.backend"}
    settings.REDEMPTION_BACKENDS = settings.REDEMPTION_BACKENDS | own
    for cached in CACHES:
        cached.cache_clear()
    yield
    for cached in CACHES:
        cached.cache_clear()
