"""Concurrent guesses of codes over HTTP get no more answers than the limits allow, whatever customers a key names."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client

from accounts.models import Brand
from core import redis, throttle
from core.errors import Throttled
from tests.checkout.builders import QUOTE, cart, post
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
GUESSES, LIMIT = 24, 5


def guess_at_once(run_concurrently: RunConcurrently, brand_client: Callable[[Brand], Client]) -> Counter[int]:
    client = brand_client(BrandFactory())

    def guess(number: int) -> int:
        body = cart(codes=[f"GUESS{number}"], customer_id=f"invented-{number}")
        return post(client, QUOTE, body).status_code

    return Counter(run_concurrently(guess, range(GUESSES)))


def test_concurrent_guesses_of_a_key_get_exactly_the_limit_of_answers(
    run_concurrently: RunConcurrently, brand_client: Callable[[Brand], Client], settings: Any
) -> None:
    settings.THROTTLES = settings.THROTTLES | {"key_code_miss": f"{LIMIT}/minute"}

    assert guess_at_once(run_concurrently, brand_client) == {200: LIMIT, 429: GUESSES - LIMIT}


def test_counting_after_the_answer_lets_all_guesses_through(
    run_concurrently: RunConcurrently, brand_client: Callable[[Brand], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the test above can fail: all guesses are checked before one of them counts."""
    checked = threading.Barrier(GUESSES)

    @contextmanager
    def count_afterwards(callers: object, count: int) -> Iterator[throttle.Guesses]:
        hits = int(redis.client().get("guesses") or 0)
        checked.wait(30)
        if hits >= LIMIT:
            raise Throttled(60)
        guesses = throttle.Guesses(None)
        yield guesses
        redis.client().incrby("guesses", guesses.failed)

    monkeypatch.setattr(throttle, "count_guesses", count_afterwards)

    assert guess_at_once(run_concurrently, brand_client) == {200: GUESSES}
