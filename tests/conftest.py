"""Fixtures of all tests: clean PostgreSQL and Redis, concurrent calls, the outbox, clients, and no network."""

import gc
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from allauth.account.internal.flows.login import record_authentication
from django.contrib.auth import user_logged_in
from django.db import connections
from django.dispatch import receiver
from django.test import Client, TransactionTestCase
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts.contracts import Method
from accounts.models import Brand, User
from accounts.services import tokens_for
from accounts.session_store import SEEN_AT, SIGNED_IN_AT
from core import batching, outbox, redis, throttle
from promoplatform import celery_app
from redemptions.events.services import rejections
from tests.databases import delete_rows, ensure_template, is_superuser
from tests.factories import ApiKeyFactory
from tests.pricing.offer_schema import check_all_offers

QUICK_FILES = ("_rules.py", "_services.py", "_api.py")  # of each app
QUICK = ("pricing", "setup/test_packaging.py", "contracts/test_docs.py", "contracts/test_errors.py")
_connect = socket.socket.connect


def pytest_collection_finish() -> None:
    """Leave what was imported to no later collection of garbage, as most of their time would go there."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of rules, pricing and single services as quick: a loop of about two minutes (``make quick``)."""
    root = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(root).as_posix()
        if path.startswith(QUICK) or path.endswith(QUICK_FILES):
            item.add_marker("quick")


@receiver(user_logged_in)
def _note_sign_in(request: Any, user: User, **_: Any) -> None:
    """Note the sign-in of a test client as the sign-in page does, and the second factor of platform admins."""
    if request.path:  # the sign-in page, which is tested itself
        return
    request.session[SIGNED_IN_AT] = request.session[SEEN_AT] = timezone.now().isoformat()
    record_authentication(request, user, method="password")
    if user.is_superuser:
        record_authentication(request, user, method="mfa", type="totp")


def methods_of(user: User) -> list[Method]:
    """Return how a user signs in who has what is required: platform admins with a second factor."""
    return [Method.PASSWORD, Method.CODE] if user.is_superuser else [Method.PASSWORD]


def _loopback_only(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(
        ("127.", "::1", "localhost")
    ):
        raise AssertionError(f"A test tried to connect to {address}.")
    _connect(self, address)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Settings by which the test database is a copy of a migrated one."""
    with django_db_blocker.unblock():
        connections["default"].settings_dict["TEST"]["TEMPLATE"] = ensure_template()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database, which is dropped also beside sessions of threads and processes that are about to stop."""
    yield
    with django_db_blocker.unblock(), connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    connections["default"].close()


@pytest.fixture(scope="session", autouse=True)
def delete_rows_after_commits() -> Iterator[None]:
    """Cleanup that deletes rows after a test that commits.

    Django would truncate every table and create its permissions again, which takes fifty times as long. Only a database
    superuser can bypass triggers and foreign keys; any other user gets Django's cleanup.
    """
    original = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def clean_up(case: TransactionTestCase) -> None:
        if is_superuser():
            delete_rows()
        else:
            original(case)

    TransactionTestCase._fixture_teardown = clean_up  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = original  # type: ignore[attr-defined]


@pytest.fixture(scope="session", autouse=True)
def offers_follow_the_schema() -> None:
    """Check that the JSON Schema of offers accepts each offer that any test, the demo or a page of the docs has."""
    check_all_offers()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets that connect to the local machine only."""
    monkeypatch.setattr(socket.socket, "connect", _loopback_only)


@pytest.fixture
def redis_unavailable(settings: Any) -> Iterator[None]:
    """A Redis URL on which no server listens."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    redis.client.cache_clear()
    yield
    redis.client.cache_clear()


@pytest.fixture(autouse=True)
def empty_redis() -> None:
    """A Redis database without keys; each worker of a parallel run has its own. It has kept all counters for long."""
    redis.client().flushdb()
    redis.client().set(throttle.AGE_KEY, 0)


@pytest.fixture(autouse=True)
def drain_batches() -> Iterator[None]:
    """Batches whose threads and connections end with the test, and no refused attempts of another test."""
    yield
    batching.drain()
    rejections.discard()


@pytest.fixture
def at() -> datetime:
    """A Wednesday afternoon."""
    return datetime(2027, 3, 17, 15, 30, tzinfo=UTC)


@pytest.fixture
def run_concurrently() -> Callable[..., list[Any]]:
    """A function that calls another one with many arguments at once, in a thread each.

    It returns the results or exceptions in order.
    """

    def run(call: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
        barrier = threading.Barrier(len(arguments))

        def run_one(argument: Any) -> Any:
            barrier.wait(30)
            try:
                return call(argument)
            except Exception as error:  # noqa: BLE001  (the test checks it)
                return error
            finally:
                connections.close_all()

        with ThreadPoolExecutor(len(arguments)) as pool:
            return list(pool.map(run_one, arguments))

    return run


@pytest.fixture
def run_outbox() -> Callable[[], int]:
    """A function that runs all due outbox messages, as the relay and a worker would, and returns their number."""
    celery_app.loader.import_default_modules()

    def run() -> int:
        total = 0
        while sent := outbox.relay():
            total += sent
        return total

    return run


@pytest.fixture
def shopper_client() -> Callable[[User], Client]:
    """A function that returns an HTTP client with an access token of a user."""

    def client_of(user: User) -> Client:
        tokens = tokens_for(user=user, at=timezone.now(), methods=methods_of(user))
        return Client(headers={"Authorization": f"Bearer {tokens.access}"})

    return client_of


@pytest.fixture
def brand_client() -> Callable[[Brand], Client]:
    """A function that returns an HTTP client with an API key of a brand."""

    def client_of(brand: Brand) -> Client:
        key = ApiKeyFactory(brand=brand)
        return Client(headers={"Authorization": f"Api-Key {key.text}"})

    return client_of
