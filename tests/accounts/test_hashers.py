"""How many passwords are hashed at once, whoever asks for it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password
from django.test import Client

from accounts import hashers
from accounts.models import User
from core.concurrency import ConcurrencyLimiter
from core.errors import Unavailable
from promoplatform.settings import security
from tests.platform import wait_until

ARGON2 = "accounts.hashers.LimitedArgon2PasswordHasher"


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> ConcurrencyLimiter:
    """A limit of one hash, without a queue."""
    limiter = ConcurrencyLimiter(max_concurrent=1, max_waiting=0)
    monkeypatch.setattr(hashers, "limiter", limiter)
    return limiter


def test_the_platform_hashes_with_the_limited_hasher_only() -> None:
    assert security.PASSWORD_HASHERS == [ARGON2]


def test_hashes_and_checks_of_any_caller_share_one_limit(settings: Any, one_at_a_time: ConcurrencyLimiter) -> None:
    settings.PASSWORD_HASHERS = [ARGON2]
    encoded = make_password("correct-horse-7")

    with one_at_a_time.acquire(timeout=1):
        for hash_once in (lambda: make_password("x"), lambda: check_password("correct-horse-7", encoded)):
            with pytest.raises(Unavailable):
                hash_once()

    assert check_password("correct-horse-7", encoded)
    assert not check_password("other", encoded)


@pytest.mark.django_db
def test_a_registration_beside_others_is_unavailable_and_stores_nothing(one_at_a_time: ConcurrencyLimiter) -> None:
    body = {"username": "ann", "email": "ann@example.com", "password": "correct-horse-7"}

    with one_at_a_time.acquire(timeout=1):
        response: Any = Client().post("/api/v1/auth/register/", body, content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert response.headers["Retry-After"]
    assert not User.objects.exists()


@pytest.mark.parametrize(("limited", "most"), [(True, 2), (False, 6)])
def test_without_the_limit_all_hash_at_once(
    settings: Any, monkeypatch: pytest.MonkeyPatch, limited: bool, most: int
) -> None:
    hashing, released, lock = [0, 0], threading.Event(), threading.Lock()

    def encode(hasher: Any, password: str, salt: str) -> str:
        with lock:
            hashing[0] += 1
            hashing[1] = max(hashing)
        released.wait(10)
        with lock:
            hashing[0] -= 1
        return f"argon2${salt}"

    monkeypatch.setattr(Argon2PasswordHasher, "encode", encode)
    settings.PASSWORD_HASHERS = [ARGON2 if limited else "django.contrib.auth.hashers.Argon2PasswordHasher"]
    monkeypatch.setattr(hashers, "limiter", ConcurrencyLimiter(max_concurrent=2, max_waiting=4))
    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(make_password, "x") for _ in range(6)]
        wait_until(lambda: hashing[0] == most, "the hashes have started")
        released.set()
        assert len([future.result(10) for future in futures]) == 6

    assert hashing[1] == most
