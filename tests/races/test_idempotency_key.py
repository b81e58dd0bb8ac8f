"""One key, one effect, one answer: whatever happens at the same moment."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from core import idempotency
from core.models import IdempotencyKey
from discounts.models import Usage, UsageNotification
from tests.factories import DiscountCodeFactory, ShopperFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
ClientOf = Callable[[Any], Client]

REDEMPTIONS = "/api/v1/checkout/redemptions/"
UNGUARDED = "ALTER TABLE kernel_idempotencykey DROP CONSTRAINT kernel_idempotencykey_pkey"
GUARDED = """
TRUNCATE kernel_idempotencykey;
ALTER TABLE kernel_idempotencykey ADD CONSTRAINT kernel_idempotencykey_pkey PRIMARY KEY (digest)
"""


@pytest.fixture
def use(shopper_client: ClientOf) -> Callable[[Any], Any]:
    """Use the code TEN as one shopper under one key."""
    DiscountCodeFactory(text="TEN")
    authorization = shopper_client(ShopperFactory()).defaults["HTTP_AUTHORIZATION"]

    def call(_: object) -> Any:
        return Client().post(
            "/api/v1/discountcodeusage/",
            {"discount_code": "TEN", "amount": "100.00"},
            content_type="application/json",
            headers={"Authorization": authorization, "Idempotency-Key": "order-1"},
        )

    return call


def test_50_threads_with_one_key_make_one_use_and_get_one_answer(
    run_concurrently: RunConcurrently, use: Callable[[Any], Any]
) -> None:
    answers = run_concurrently(use, range(50))

    outcomes = Counter((answer.status_code, answer.json().get("code")) for answer in answers)
    assert set(outcomes) <= {(201, None), (409, "idempotency_in_progress")}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert sum("Idempotency-Replayed" not in answer for answer in answers if answer.status_code == 201) == 1
    assert Usage.objects.count() == UsageNotification.objects.count() == IdempotencyKey.objects.count() == 1
    assert use(None)["Idempotency-Replayed"] == "true"


def test_50_keys_at_once_are_50_effects(run_concurrently: RunConcurrently, shopper_client: ClientOf) -> None:
    authorization = shopper_client(ShopperFactory()).defaults["HTTP_AUTHORIZATION"]
    cart = {"currency": "EUR", "lines": [{"id": "1", "sku": "a", "quantity": 1, "unit_price": "9.00"}]}

    def redeem(number: int) -> Any:
        return Client().post(
            REDEMPTIONS,
            {**cart, "order": f"order-{number}"},
            content_type="application/json",
            headers={"Authorization": authorization, "Idempotency-Key": f"order-{number}"},
        )

    answers = run_concurrently(redeem, range(50))

    assert Counter(answer.status_code for answer in answers) == {201: 50}
    assert len({answer.json()["id"] for answer in answers}) == IdempotencyKey.objects.count() == 50


def test_without_the_lock_and_the_key_a_look_before_lets_the_race_happen(
    run_concurrently: RunConcurrently, use: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof that the first test can fail: look for the key, then act, as one would without the guard."""
    looked = threading.Barrier(50)

    def look(digest: bytes) -> IdempotencyKey | None:
        known = IdempotencyKey.objects.filter(pk=digest).first()
        looked.wait(30)
        return known

    monkeypatch.setattr(idempotency, "_lock_or_get", look)

    with connection.cursor() as cursor:
        cursor.execute(UNGUARDED)
        try:
            answers = run_concurrently(use, range(50))
            cursor.execute("SELECT count(*) FROM kernel_idempotencykey")
            keys = cursor.fetchone()[0]
        finally:
            cursor.execute(GUARDED)

    assert keys > 1
    assert len({answer.content for answer in answers}) > 1
