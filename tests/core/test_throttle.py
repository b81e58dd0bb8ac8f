"""Rate limits: exact under any concurrency, and defined without Redis."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings
from rest_framework.test import APIRequestFactory

from core import redis, throttle
from core.errors import Throttled, Unavailable
from core.throttle import RateLimit
from tests.factories import DiscountCodeFactory, ShopperFactory

RunConcurrently = Callable[..., list[Any]]


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "few": "10/minute", "strict": "10/hour closed"}


@pytest.mark.parametrize(
    ("rate", "limit"),
    [
        ("10/minute closed", RateLimit("few", 10, 60, fail_closed=True)),
        ("6000/second", RateLimit("few", 6000, 1)),
        ("1/day", RateLimit("few", 1, 86_400)),
    ],
)
def test_rates_are_read_from_settings(settings: Settings, rate: str, limit: RateLimit) -> None:
    settings.THROTTLES = {"few": rate}

    assert RateLimit.of("few") == limit


def test_every_declared_rate_is_valid(settings: Settings) -> None:
    assert all(RateLimit.of(scope).hits > 0 for scope in settings.THROTTLES)


def test_requests_up_to_the_limit_pass_and_the_next_is_rejected() -> None:
    for _ in range(10):
        throttle.consume("few", "someone")

    with pytest.raises(Throttled) as raised:
        throttle.consume("few", "someone")

    assert 0 < raised.value.retry_after <= 60


def test_limits_are_separate_per_caller_and_scope() -> None:
    for _ in range(10):
        throttle.consume("few", "someone")

    throttle.consume("few", "someone else")
    throttle.consume("strict", "someone")


def test_64_threads_get_exactly_the_limit(run_concurrently: RunConcurrently) -> None:
    results = run_concurrently(lambda _: throttle.consume("few", "someone"), range(64))

    assert Counter(type(result) for result in results) == {throttle.Quota: 10, Throttled: 54}
    assert sorted(result.hits for result in results if isinstance(result, throttle.Quota)) == [*range(10)]


def test_without_atomic_counting_64_threads_exceed_the_limit(run_concurrently: RunConcurrently) -> None:
    """Count without the script, which removes the guard of the test above."""

    def read_then_write(_: int) -> bool:
        client = redis.client()
        hits = int(client.get("race") or 0)
        client.set("race", hits + 1)
        return hits < 10

    def crowd() -> int:
        redis.client().delete("race")
        return sum(run_concurrently(read_then_write, range(64)))

    assert any(crowd() > 10 for _ in range(10))


def test_the_count_starts_again_after_the_window() -> None:
    for _ in range(10):
        throttle.consume("few", "someone")
    (key,) = redis.client().keys("promo:throttle:*")
    assert 0 < redis.client().pttl(key) <= 60_000

    redis.client().delete(key)

    throttle.consume("few", "someone")


def test_a_counter_without_expiry_gets_one() -> None:
    throttle.consume("few", "someone")
    (key,) = redis.client().keys("promo:throttle:*")
    redis.client().persist(key)

    throttle.consume("few", "someone")

    assert redis.client().pttl(key) > 0


def test_a_closed_connection_or_missing_script_is_retried() -> None:
    throttle.consume("few", "someone")
    redis.client().script_flush()
    throttle.consume("few", "someone")
    redis.client().client_kill_filter(_type="normal", skipme=True)
    throttle.consume("few", "someone")

    (key,) = redis.client().keys("promo:throttle:*")
    assert redis.client().get(key) == b"3"


def test_an_error_reply_leaves_no_reply_for_the_next_request() -> None:
    redis.client().set("text", "x")

    with pytest.raises(redis.Error):
        redis.execute_pipeline(("GET", "text"), ("INCR", "text"), ("GET", "text"))

    assert redis.execute_pipeline(("GET", "text"), ("PTTL", "text")) == [b"x", -1]


def guess(callers: dict[str, str], count: int = 1, *, failed: int = 1) -> None:
    with throttle.count_guesses(callers, count) as guesses:
        guesses.failed = failed
    guesses.check()


def end_windows() -> None:
    redis.client().delete(*redis.client().keys("promo:throttle:*"))


def test_failed_guesses_are_counted_and_others_returned() -> None:
    for _ in range(30):
        guess({"few": "someone"}, 3, failed=0)
    guess({"few": "someone"}, 9, failed=9)
    guess({"few": "someone"}, 5, failed=0)
    guess({"few": "someone"}, 1)

    with pytest.raises(Throttled) as raised:
        guess({"few": "someone"}, failed=0)

    assert 0 < raised.value.retry_after <= 60
    guess({"few": "someone else"})


def test_more_failed_guesses_than_are_left_are_rejected_afterwards() -> None:
    guess({"few": "someone"}, 8, failed=8)

    with pytest.raises(Throttled):
        guess({"few": "someone"}, 5, failed=3)
    with pytest.raises(Throttled):
        guess({"few": "someone"}, failed=0)


def test_every_limit_counts_and_a_refused_guess_counts_for_none() -> None:
    for number in range(5):
        guess({"few": f"customer {number}", "strict": "key"}, 2, failed=2)

    with pytest.raises(Throttled):
        guess({"few": "customer 9", "strict": "key"})
    guess({"few": "customer 9"}, 10, failed=10)
    with pytest.raises(Throttled):
        guess({"few": "customer 9"})


def test_guesses_of_a_failed_request_are_returned() -> None:
    for _ in range(20):
        with pytest.raises(KeyError), throttle.count_guesses({"few": "someone"}, 5):
            raise KeyError

    guess({"few": "someone"}, 10, failed=10)


def test_a_request_without_guesses_is_never_rejected() -> None:
    guess({"few": "someone"}, 10, failed=10)

    guess({"few": "someone"}, 0, failed=0)


def test_returned_guesses_of_an_earlier_window_change_nothing() -> None:
    with throttle.count_guesses({"few": "someone"}, 5):
        end_windows()

    guess({"few": "someone"}, 10, failed=10)
    with pytest.raises(Throttled):
        guess({"few": "someone"})


def test_returned_guesses_of_an_earlier_window_add_none_to_the_next() -> None:
    with throttle.count_guesses({"few": "someone"}, 5):
        end_windows()
        time.sleep(0.01)
        with throttle.count_guesses({"few": "someone"}, 10) as later:
            later.failed = 10

    with pytest.raises(Throttled):
        guess({"few": "someone"})


def test_the_window_of_guesses_ends() -> None:
    guess({"few": "someone"})
    (key,) = redis.client().keys("promo:throttle:*")
    assert 0 < redis.client().pttl(key) <= 60_000
    redis.client().persist(key)

    guess({"few": "someone"})

    assert redis.client().pttl(key) > 0


def test_64_threads_get_exactly_the_limit_of_answers(run_concurrently: RunConcurrently) -> None:
    answers: list[int] = []

    def answer(number: int) -> None:
        with throttle.count_guesses({"few": "someone"}, 1) as guesses:
            answers.append(number)
            guesses.failed = 1

    results = run_concurrently(answer, range(64))

    assert Counter(type(result) for result in results) == {type(None): 10, Throttled: 54}
    assert len(answers) == 10


def test_counting_after_the_answer_gives_64_threads_more(run_concurrently: RunConcurrently) -> None:
    """Check the limit, answer, then count: without the guard of the test above."""
    answers: list[int] = []
    checked = threading.Barrier(64)

    def answer(number: int) -> None:
        hits = int(redis.client().get("race") or 0)
        checked.wait(30)
        if hits < 10:
            answers.append(number)
            redis.client().incr("race")

    run_concurrently(answer, range(64))

    assert len(answers) == 64


# --- after a loss of Redis --------------------------------------------------------------------------------------------
def test_a_loss_of_redis_during_an_attack_leaves_a_quarter_of_the_limit(run_concurrently: RunConcurrently) -> None:
    settings_limit, lost = RateLimit("cart_code_miss", 30, 60), threading.Event()
    answers = Counter[bool]()

    def attack(number: int) -> None:
        for _ in range(5):
            with suppress(Throttled), throttle.count_guesses({"cart_code_miss": "someone"}, 1) as guesses:
                answers[lost.is_set()] += 1
                guesses.failed = 1

    run_concurrently(attack, range(16))
    assert answers == {False: settings_limit.hits}
    redis.client().flushdb()
    lost.set()
    run_concurrently(attack, range(16))

    assert answers == {False: settings_limit.hits, True: settings_limit.hits // 4}


def test_right_codes_are_found_after_a_loss_of_redis(run_concurrently: RunConcurrently) -> None:
    redis.client().flushdb()

    for _ in range(100):
        guess({"cart_code_miss": "someone"}, 7, failed=0)
    guess({"cart_code_miss": "someone"}, 7, failed=7)

    with pytest.raises(Throttled):
        guess({"cart_code_miss": "someone"})


def test_the_whole_limit_is_back_after_its_period() -> None:
    redis.client().set(throttle.AGE_KEY, int((time.time() - 59) * 1000))
    guess({"few": "someone"}, 2, failed=2)
    with pytest.raises(Throttled):
        guess({"few": "someone"})

    redis.client().set(throttle.AGE_KEY, int((time.time() - 61) * 1000))

    guess({"few": "someone"}, 8, failed=8)
    with pytest.raises(Throttled):
        guess({"few": "someone"})


def test_passwords_and_second_factors_are_limited_more_after_a_loss_of_redis() -> None:
    redis.client().flushdb()

    for scope, count in {"login_account": 2, "second_factor": 5, "login_address": 60, "few": 10}.items():
        for _ in range(count):
            throttle.consume(scope, "someone")
        with pytest.raises(Throttled):
            throttle.consume(scope, "someone")


def test_keys_do_not_contain_the_caller() -> None:
    throttle.consume("few", "address:192.0.2.7")

    (key,) = redis.client().keys("promo:throttle:*")
    assert b"192.0.2.7" not in key
    assert b"{" in key
    assert b"}" in key


def test_without_redis_an_open_limit_accepts_requests(redis_unavailable: None) -> None:
    for _ in range(15):
        throttle.consume("few", "someone")
        guess({"few": "someone"})


def test_without_redis_a_closed_limit_rejects_requests(redis_unavailable: None) -> None:
    with pytest.raises(Unavailable):
        throttle.consume("strict", "someone")
    with pytest.raises(Unavailable):
        guess({"few": "someone", "strict": "someone"})


@pytest.mark.django_db
def test_without_redis_checkout_works_but_code_lookups_are_rejected(
    redis_unavailable: None, shopper_client: Callable[[Any], Client], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    DiscountCodeFactory(text="TEN")
    client = shopper_client(ShopperFactory())
    cart = {
        "currency": "EUR",
        "lines": [{"id": "1", "sku": "a", "quantity": 1, "unit_price": "9.00"}],
        "codes": ["TEN"],
    }

    quote = client.post("/api/v1/checkout/quote/", cart, content_type="application/json")
    with django_assert_num_queries(0):
        guess = client.get("/api/v1/discountcode/TEN/")

    assert quote.status_code == 200
    assert quote.json()["discount_total"] == "0.90"
    assert (guess.status_code, guess.json()["code"]) == (503, "unavailable")
    assert guess["Retry-After"]


@pytest.mark.django_db
def test_the_api_answers_429_with_retry_after(settings: Settings, shopper_client: Callable[[Any], Client]) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "api": "2/minute"}
    client = shopper_client(ShopperFactory())

    answers = [client.get("/api/v1/me/") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["code"] == "throttled"
    assert 0 < int(answers[2]["Retry-After"]) <= 60
    assert shopper_client(ShopperFactory()).get("/api/v1/me/").status_code == 200


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "", "127.0.0.1"),
        (0, "6.6.6.6", "127.0.0.1"),
        (1, "6.6.6.6", "6.6.6.6"),
        (1, "1.1.1.1, 6.6.6.6", "6.6.6.6"),
        (2, "1.1.1.1, 6.6.6.6, 10.0.0.1", "6.6.6.6"),
        (2, "6.6.6.6", "127.0.0.1"),
        (1, " , ", "127.0.0.1"),
    ],
)
def test_the_client_ip_is_taken_from_trusted_proxies(
    settings: Settings, proxies: int, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request: Any = APIRequestFactory().get("/", headers={"X-Forwarded-For": forwarded} if forwarded else {})

    assert throttle.client_ip(request) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_limits_per_address_count_the_network_of_an_ipv6_address(address: str, network: str) -> None:
    assert throttle.client_network(APIRequestFactory().get("/", REMOTE_ADDR=address)) == network
