"""Concurrent guesses of codes over HTTP get no more answers than the limits allow, whatever customers a key names."""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.models import Brand, User
from core import redis, throttle
from core.errors import Throttled
from tests.checkout.builders import QUOTE, cart, post
from tests.factories import BrandFactory, ShopperFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
GUESSES, LIMIT = 24, 5
TRIAL = int(os.environ.get("GUESS_TRIAL", "240"))  # guesses of the trial; 10000 with the limits of production
THREADS, SHOPPERS, ADDRESSES = 16, 100 if TRIAL >= 5_000 else 6, 50
USAGE = "/api/v1/discountcodeusage/"


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


def test_shoppers_at_an_address_and_keys_of_a_brand_guess_together(
    run_concurrently: RunConcurrently,
    brand_client: Callable[[Brand], Client],
    shopper_client: Callable[[User], Client],
    settings: Any,
) -> None:
    settings.THROTTLES = settings.THROTTLES | {"address_code_miss": "7/hour", "brand_code_miss": "6/hour"}
    brand = BrandFactory()
    keys, shoppers = [brand_client(brand) for _ in range(3)], [shopper_client(ShopperFactory()) for _ in range(4)]

    def guess(number: int) -> tuple[str, int]:
        body, address = cart(codes=[f"GUESS{number}"]), {"REMOTE_ADDR": f"2001:db8:1:2::{number}"}
        if number % 2:
            client, path = keys[number % 3], QUOTE
            return "key", send(client, path, body | {"customer_id": f"invented-{number}"}, address)
        client = shoppers[number // 4 % 4]
        if number % 4:
            return "shopper", send(client, QUOTE, body, address)
        return "shopper", send(client, USAGE, {"discount_code": f"GUESS{number}"}, address)

    answers = Counter(run_concurrently(guess, range(48)))

    found = {who: answers[who, 200] + answers[who, 404] for who in ("key", "shopper")}
    assert found == {"key": 6, "shopper": 7}
    assert sum(answers.values()) - 13 == answers["key", 429] + answers["shopper", 429]
    elsewhere = {"REMOTE_ADDR": "2001:db8:1:3::1"}
    assert send(shoppers[0], QUOTE, cart(codes=["GUESS"]), elsewhere) == 200


def send(client: Client, path: str, body: Any, address: Any) -> int:
    return int(client.post(path, body, content_type="application/json", **address).status_code)


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


# --- the trial --------------------------------------------------------------------------------------------------------
def test_a_trial_over_accounts_addresses_and_one_key_gets_no_more_answers_than_documented(
    brand_client: Callable[[Brand], Client], shopper_client: Callable[[User], Client], settings: Any
) -> None:
    """Guess with shoppers at two endpoints and a key with invented customers, from changing addresses, at once.

    A limit is per minute, which begins with the first guess, so a longer trial may get the limit of each minute.
    """
    if TRIAL < 5_000:
        settings.THROTTLES = settings.THROTTLES | {"key_code_miss": "40/minute", "cart_code_miss": "7/minute"}
    limits = {name: throttle.RateLimit.of(name).hits for name in LIMIT_OF.values()}
    server, shoppers = brand_client(BrandFactory()), [shopper_client(ShopperFactory()) for _ in range(SHOPPERS)]
    answers, other = Counter[str](), list[Any]()

    def guess(number: int) -> None:
        """Send one to three codes. An answer tells of each whether it exists."""
        codes = [f"TRIAL{number}X{position}" for position in range(number % 3 + 1)]
        address: Any = {"REMOTE_ADDR": f"203.0.113.{number // 7 % ADDRESSES}"}
        who = "key" if number % 2 else f"shopper {number // 2 % SHOPPERS}"
        body: dict[str, Any] = cart(codes=codes)
        if who == "key":
            client, path, body = server, QUOTE, body | {"customer_id": f"invented-{number}"}
        elif number // (2 * SHOPPERS) % 2:
            client, path = shoppers[number // 2 % SHOPPERS], QUOTE
        else:
            client, path, body, codes = shoppers[number // 2 % SHOPPERS], USAGE, {"discount_code": codes[0]}, codes[:1]
        try:
            response = client.post(path, body, content_type="application/json", **address)
        finally:
            connections.close_all()
        if response.status_code in (200, 404):
            answers[who] += len(codes)
            if who != "key":
                answers[f"address {address}"] += len(codes)
        elif response.status_code != 429:
            other.append((response.status_code, response.text))

    numbers = list(range(TRIAL))
    random.Random(7).shuffle(numbers)
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(guess, numbers))
    minutes = 1 + int((time.monotonic() - began) // 60)

    assert other == []
    assert {who: count for who, count in answers.items() if count > minutes * limits[LIMIT_OF[who[:3]]]} == {}
    assert answers["key"] > limits["key_code_miss"] - 3  # the trial reached the limit: a cart has up to three codes
    assert sum(who.startswith("shopper") for who in answers) == SHOPPERS


LIMIT_OF = {"key": "key_code_miss", "sho": "cart_code_miss", "add": "address_code_miss"}
