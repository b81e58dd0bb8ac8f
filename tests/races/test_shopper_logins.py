"""Shoppers by a brand's own login: each is one customer, and they claim as fast as others do.

``SHOPPER_LOGIN_TRIAL`` is the number of shoppers of each kind in the long trial.
"""

import io
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import rules, selectors
from accounts.contracts import Caller
from accounts.models import Customer, User
from accounts.services import find_customer
from core import db
from core.ids import uuid7
from promoplatform import wsgi
from tests.factories import BrandFactory, CampaignFactory
from tests.shopper_logins import Shop, open_shop
from vouchers.models import Campaign, FirstLogin, Voucher

pytestmark = pytest.mark.django_db(transaction=True)
TRIAL = int(os.environ.get("SHOPPER_LOGIN_TRIAL", "2000"))
QUOTA, THREADS, PAIRS = 100, 16, 4


def test_a_shopper_who_calls_many_times_at_once_is_one_customer(run_concurrently: Callable[..., list[Any]]) -> None:
    brand = BrandFactory(slug="billo")

    found = run_concurrently(
        lambda name: find_customer(brand_id=brand.pk, customer_id=name).id, ["billo:1"] * 20 + ["billo:2"] * 20
    )

    assert len(set(found[:20])) == len(set(found[20:])) == 1
    assert Customer.objects.count() == 2


def test_without_a_second_try_a_concurrent_insert_has_no_key() -> None:
    """Prove that the statement alone isn't enough: it can't see what another one inserts meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO accounts_customer (customer_id) VALUES ('billo:1')")
        with ThreadPoolExecutor(1) as pool:
            params = {"brands": [BrandFactory.build().pk], "names": ["billo:1"]}
            waiting = pool.submit(db.fetch_all, "accounts/sql/find_customers.sql", params)
            time.sleep(0.5)
            cursor.execute("COMMIT")
            rows = waiting.result(10)
            pool.submit(_close_connection).result(10)

    assert [row["id"] for row in rows] == [None]


def _close_connection() -> None:
    connection.close()  # of the thread that calls


def _claim(path: str, token: str) -> str:
    statuses: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80",
        "HTTP_HOST": "127.0.0.1", "REMOTE_ADDR": "127.0.0.1", "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http",
    }  # fmt: skip
    b"".join(wsgi.application(environ, lambda status, *_: statuses.append(status)))
    return statuses[0][:3]


def _run(campaign: Campaign, tokens: Sequence[str]) -> tuple[float, Counter[str]]:
    path, started = f"/api/v1/campaigns/{campaign.slug}/first-login/", time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        statuses = Counter(pool.map(lambda token: _claim(path, token), tokens))
        seconds = time.perf_counter() - started
        for _thread in range(THREADS):
            pool.submit(_close_connection)
    return seconds, statuses


def _own_tokens(count: int, start: int) -> list[str]:
    at = timezone.now()
    users = User.objects.bulk_create(
        [User(username=f"u{number}", uuid=uuid7()) for number in range(start, start + count)]
    )
    customers = Customer.objects.bulk_create([Customer(customer_id=f"u-{user.uuid}", user=user) for user in users])
    return [
        rules.encode_token(
            kind=rules.TokenKind.ACCESS, keyring=selectors.keyring(), at=at, lifetime=timedelta(hours=1),
            caller=Caller(
                f"user:{user.uuid}", user_id=user.uuid, user_key=user.pk, customer_key=customer.pk,
                customer_id=customer.customer_id,
            ),
        )
        for user, customer in zip(users, customers, strict=True)
    ]  # fmt: skip


def _foreign_tokens(shop: Shop, count: int, start: int) -> list[str]:
    now = int(timezone.now().timestamp())
    return [shop.sign(sub=str(number), iat=now, exp=now + 3600) for number in range(start, start + count)]


@pytest.mark.race_long
@pytest.mark.timeout(3600)
def test_first_logins_of_both_kinds_of_shoppers(settings: Any, capsys: Any) -> None:
    """Compare pairs of bursts, in turns, by new shoppers of the platform and of a brand's own login."""
    settings.THROTTLES = dict.fromkeys(settings.THROTTLES, "100000000/minute")
    settings.SHOPPER_LOGINS_SECONDS = 1.0
    size, ratios = TRIAL // PAIRS, []
    with open_shop(BrandFactory(slug="billo"), settings) as shop:
        for pair in range(PAIRS):
            tokens = {
                "own": _own_tokens(size, pair * size), "foreign": _foreign_tokens(shop, size, pair * size)
            }  # fmt: skip
            seconds = {}
            for kind in ("own", "foreign") if pair % 2 else ("foreign", "own"):
                campaign = CampaignFactory(brand=shop.brand, quota=QUOTA)
                seconds[kind], statuses = _run(campaign, tokens[kind])
                assert statuses == {"201": QUOTA, "200": size - QUOTA}
                assert FirstLogin.objects.filter(campaign=campaign).count() == size
                ranks = Voucher.objects.filter(campaign=campaign).order_by("rank").values_list("rank", flat=True)
                assert list(ranks) == list(range(1, QUOTA + 1))
            ratios.append(seconds["own"] / seconds["foreign"])
            with capsys.disabled():
                print(f"\nown {size / seconds['own']:.0f}/s, brand's login {size / seconds['foreign']:.0f}/s")
        assert shop.login.count("/keys") == 1
    with capsys.disabled():
        print(f"ratio of rates, median of {PAIRS} pairs: {statistics.median(ratios):.2f}")
