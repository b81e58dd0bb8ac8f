"""One idempotency key has one effect and one response."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from core import idempotency
from core.models import IdempotencyKey
from discounts.models import Usage
from tests.factories import DiscountCodeFactory, ShopperFactory
from tests.redemptions.events import count_confirmed

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
ClientOf = Callable[[Any], Client]

REDEMPTIONS = "/api/v1/checkout/redemptions/"
DROP_KEY = "ALTER TABLE kernel_idempotencykey DROP CONSTRAINT kernel_idempotencykey_pkey"
RESTORE_KEY = """
TRUNCATE kernel_idempotencykey;
ALTER TABLE kernel_idempotencykey ADD CONSTRAINT kernel_idempotencykey_pkey PRIMARY KEY (digest)
"""


@pytest.fixture
def redeem_code(shopper_client: ClientOf) -> Callable[[Any], Any]:
    """Function that redeems the code TEN as one shopper with one key."""
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


def test_concurrent_requests_with_one_key_have_one_effect_and_one_response(
    run_concurrently: RunConcurrently, redeem_code: Callable[[Any], Any]
) -> None:
    responses = run_concurrently(redeem_code, range(50))

    outcomes = Counter((response.status_code, response.json().get("code")) for response in responses)
    assert set(outcomes) <= {(201, None), (409, "idempotency_in_progress")}
    assert len({response.content for response in responses if response.status_code == 201}) == 1
    assert sum("Idempotency-Replayed" not in response for response in responses if response.status_code == 201) == 1
    assert Usage.objects.count() == count_confirmed() == IdempotencyKey.objects.count() == 1
    assert redeem_code(None)["Idempotency-Replayed"] == "true"


def test_concurrent_requests_with_different_keys_all_have_an_effect(
    run_concurrently: RunConcurrently, shopper_client: ClientOf
) -> None:
    authorization = shopper_client(ShopperFactory()).defaults["HTTP_AUTHORIZATION"]
    cart = {"currency": "EUR", "lines": [{"id": "1", "sku": "a", "quantity": 1, "unit_price": "9.00"}]}

    def redeem(number: int) -> Any:
        return Client().post(
            REDEMPTIONS,
            {**cart, "order": f"order-{number}"},
            content_type="application/json",
            headers={"Authorization": authorization, "Idempotency-Key": f"order-{number}"},
        )

    responses = run_concurrently(redeem, range(50))

    assert Counter(response.status_code for response in responses) == {201: 50}
    assert len({response.json()["id"] for response in responses}) == IdempotencyKey.objects.count() == 50


def test_without_the_lock_requests_with_one_key_have_several_effects(
    run_concurrently: RunConcurrently, redeem_code: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the first test can fail: check the key, then act, without the lock."""
    barrier = threading.Barrier(50)

    def read_without_lock(digest: bytes) -> IdempotencyKey | None:
        stored = IdempotencyKey.objects.filter(pk=digest).first()
        barrier.wait(30)
        return stored

    monkeypatch.setattr(idempotency, "_lock_or_get", read_without_lock)

    with connection.cursor() as cursor:
        cursor.execute(DROP_KEY)
        try:
            responses = run_concurrently(redeem_code, range(50))
            cursor.execute("SELECT count(*) FROM kernel_idempotencykey")
            keys = cursor.fetchone()[0]
        finally:
            cursor.execute(RESTORE_KEY)

    assert keys > 1
    assert len({response.content for response in responses}) > 1
