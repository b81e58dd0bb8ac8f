"""What every test may use: real PostgreSQL and Redis, a stampede, an outbox to empty, and a network that is closed."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client, TransactionTestCase
from django.utils import timezone

from accounts.models import Brand, User
from accounts.services import tokens_for
from core import batching, outbox, redis
from promoplatform import celery_app
from tests.factories import ApiKeyFactory

MIGRATED = {"django_content_type", "auth_permission"}  # whose rows come with the migrations, and stay
_connect = socket.socket.connect


def _loopback_only(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(
        ("127.", "::1", "localhost")
    ):
        raise AssertionError(f"a test reached for the network: {address}")
    _connect(self, address)


@pytest.fixture(scope="session", autouse=True)
def rows_are_deleted() -> Iterator[None]:
    """After a test that commits, its rows are deleted; Django would cut every table and make its permissions anew,
    which takes fifty times as long.

    Only a superuser may pass by triggers and foreign keys; anybody else empties the tables Django's way.
    """
    slowly = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def empty(case: TransactionTestCase) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
            if not cursor.fetchone()[0]:
                slowly(case)
                return
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica; SET LOCAL statement_timeout = 0")
            cursor.execute("; ".join(f'DELETE FROM "{table}"' for table in sorted(set(tables) - MIGRATED)))

    TransactionTestCase._fixture_teardown = empty  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = slowly  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def closed_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leaves the machine."""
    monkeypatch.setattr(socket.socket, "connect", _loopback_only)


@pytest.fixture(autouse=True)
def empty_redis() -> None:
    """Each test starts without this worker's Redis keys; workers of a parallel run have a database each."""
    redis.client().flushdb()


@pytest.fixture(autouse=True)
def no_batch_left() -> Iterator[None]:
    """No thread of a batch, and no connection of one, outlives its test."""
    yield
    batching.drain()


@pytest.fixture
def at() -> datetime:
    """An ordinary Wednesday afternoon."""
    return datetime(2027, 3, 17, 15, 30, tzinfo=UTC)


@pytest.fixture
def run_concurrently() -> Callable[..., list[Any]]:
    """Call one function with many arguments at the same moment, a thread each; the results, or the exceptions, in
    order.
    """

    def run(call: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
        barrier = threading.Barrier(len(arguments))

        def one(argument: Any) -> Any:
            barrier.wait(30)
            try:
                return call(argument)
            except Exception as error:  # noqa: BLE001  (the test judges it)
                return error
            finally:
                connections.close_all()

        with ThreadPoolExecutor(len(arguments)) as pool:
            return list(pool.map(one, arguments))

    return run


@pytest.fixture
def run_outbox() -> Callable[[], int]:
    """Run every task that was promised and is due, as the relay and a worker would; how many."""
    celery_app.loader.import_default_modules()

    def run() -> int:
        total = 0
        while sent := outbox.relay():
            total += sent
        return total

    return run


@pytest.fixture
def shopper_client() -> Callable[[User], Client]:
    """An HTTP client signed in as a user by access token."""

    def client_of(user: User) -> Client:
        tokens = tokens_for(user=user, at=timezone.now())
        return Client(headers={"Authorization": f"Bearer {tokens.access}"})

    return client_of


@pytest.fixture
def brand_client() -> Callable[[Brand], Client]:
    """An HTTP client with an API key of the brand."""

    def client_of(brand: Brand) -> Client:
        key = ApiKeyFactory(brand=brand)
        return Client(headers={"Authorization": f"Api-Key {key.text}"})

    return client_of
