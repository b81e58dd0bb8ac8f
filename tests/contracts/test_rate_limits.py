"""Every answer says which limit counts the request, and what is left of it (draft-ietf-httpapi-ratelimit-headers)."""

import re
from typing import Any

import pytest
from django.test import Client

from tests.factories import ApiKeyFactory, BrandFactory, DiscountCodeFactory, ShopperFactory
from tests.isolation.conftest import World
from tests.isolation.endpoints import rows

pytestmark = pytest.mark.django_db
POLICY = re.compile(r'"[a-z_]+";q=\d+;w=\d+(, "[a-z_]+";q=\d+;w=\d+)*')
LIMIT = re.compile(r'"[a-z_]+";r=\d+;t=\d+(, "[a-z_]+";r=\d+;t=\d+)*')
QUOTE = "/api/v1/checkout/quote/"
CART = {"currency": "EUR", "lines": [{"id": "1", "sku": "a", "quantity": 1, "unit_price": "1.00"}]}


def test_every_endpoint_answers_its_limit(world: World) -> None:
    for row in rows():
        response = world.call(row.by, row.method, world.path(row.route, row.ids, missing=True), row.body)
        assert POLICY.fullmatch(response.headers["RateLimit-Policy"]), row
        assert LIMIT.fullmatch(response.headers["RateLimit"]), row


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("get", "/api/v1/nowhere/", {}), ("get", "/api/v1/me/", {}), ("get", "/api/errors/", {}),
        ("get", "/api/v1/me/", {"Authorization": "Bearer x"}),
        ("post", "/api/v1/me/", {"Transfer-Encoding": "chunked"}),
    ],
)  # fmt: skip
def test_an_uncounted_request_is_answered_with_the_policy(method: str, path: str, headers: dict[str, str]) -> None:
    response = getattr(Client(headers=headers), method)(path)

    assert response.headers["RateLimit-Policy"] == '"api";q=1200;w=60'


def test_what_is_left_counts_down_until_requests_are_refused(settings: Any, shopper_client: Any) -> None:
    settings.THROTTLES = settings.THROTTLES | {"api": "2/hour"}
    client = shopper_client(ShopperFactory())

    answers = [client.get("/api/v1/me/") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["RateLimit-Policy"] for answer in answers] == ['"api";q=2;w=3600'] * 3
    assert [answer.headers["RateLimit"].partition(";t=")[0] for answer in answers] == [
        '"api";r=1', '"api";r=0', '"api";r=0',
    ]  # fmt: skip
    assert int(answers[2].headers["RateLimit"].partition("t=")[2]) == int(answers[2].headers["Retry-After"])


def test_guesses_that_were_refused_are_answered_with_both_limits(settings: Any, shopper_client: Any) -> None:
    settings.THROTTLES = settings.THROTTLES | {"cart_code_miss": "1/hour"}
    client = shopper_client(ShopperFactory())

    answers = [client.post(QUOTE, CART | {"codes": ["NOBODYS"]}, content_type="application/json") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["RateLimit-Policy"] == '"api";q=1200;w=60, "cart_code_miss";q=1;w=3600'
    assert '"cart_code_miss";r=0;t=' in answers[1].headers["RateLimit"]


def test_servers_have_their_own_limit_at_checkout_only(settings: Any) -> None:
    settings.THROTTLES = settings.THROTTLES | {"api": "1/hour"}
    brand = BrandFactory()
    DiscountCodeFactory(text="TEN", brand=brand)
    keys = [Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(brand=brand).text}"}) for _ in range(2)]

    for key in keys:
        quotes = [key.post(QUOTE, CART | {"customer_id": "c"}, content_type="application/json") for _ in range(3)]
        assert [quote.status_code for quote in quotes] == [200] * 3
        assert quotes[-1].headers["RateLimit-Policy"] == '"key_checkout";q=600;w=1'
        assert [key.get("/api/v1/promotions/").status_code for _ in range(2)] == [200, 429]
