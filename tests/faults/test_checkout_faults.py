"""Web crashes between commit and response, and the broker disappears: no redemption and no announcement is lost."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from checkout.models import Redemption
from checkout.services import release_expired
from core.models import OutboxMessage
from discounts.models import Usage
from redemptions.statuses import LIVE, RedemptionStatus
from tests.factories import ApiKeyFactory, BrandFactory, DiscountCodeFactory, ShopperFactory
from tests.fakes.sendgrid import SendGrid
from tests.faults.clients import send_until_response
from tests.platform import Platform, Response, platform, wait_until
from tests.redemptions.events import count_confirmed

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
ORDERS, CLIENTS = 200, 8
REDEMPTIONS = "/api/v1/checkout/redemptions/"


@pytest.fixture
def sendgrid() -> Iterator[SendGrid]:
    with SendGrid() as fake:
        yield fake


@pytest.mark.timeout(900)
def test_web_killed_between_commit_and_response_loses_nothing(crashing_web: Platform) -> None:
    brand = BrandFactory(slug="billo")
    for number in range(4):
        DiscountCodeFactory(text=f"CODE{number}", brand=brand)
    credentials = f"Api-Key {ApiKeyFactory(brand=brand).text}"

    def buy(number: int) -> tuple[dict[str, Any], Response, int, bool]:
        """Reserve an order and confirm every second one; also return whether a response was replayed."""
        body = {
            "currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00"}],
            "order": str(number), "customer_id": f"c{number}", "codes": [f"CODE{code}" for code in range(4)],
        }  # fmt: skip
        response, disconnects = send_until_response(crashing_web, REDEMPTIONS, body, f"order-{number}", credentials)
        assert response.status == 201, response.body
        replayed = "Idempotency-Replayed" in response.headers
        if number % 2:
            path = f"{REDEMPTIONS}{response.json()['id']}/confirm/"
            confirmed, more = send_until_response(crashing_web, path, None, f"confirm-{number}", credentials)
            assert (confirmed.status, confirmed.json()["status"]) == (200, "confirmed"), confirmed.body
            replayed, disconnects = replayed or "Idempotency-Replayed" in confirmed.headers, disconnects + more
        return body, response, disconnects, replayed

    # when two hundred orders are placed while web crashes repeatedly
    with ThreadPoolExecutor(CLIENTS) as pool:
        bought = list(pool.map(buy, range(ORDERS)))

    # then it has crashed, also between commit and response
    assert sum(disconnects for _, _, disconnects, _ in bought) > 10
    assert any(replayed for *_, replayed in bought)

    # and each order has the one redemption of its response, also when the request is repeated
    live = dict(Redemption.objects.filter(status__in=LIVE).values_list("order", "pk"))
    assert Redemption.objects.count() == len(live) == ORDERS
    assert {order: str(pk) for order, pk in live.items()} == {body["order"]: a.json()["id"] for body, a, *_ in bought}
    for body, first, *_ in bought[:20]:
        repeated, _ = send_until_response(crashing_web, REDEMPTIONS, body, f"order-{body['order']}", credentials)
        assert repeated.body == first.body

    # and confirmed redemptions stay, reservations are released, and each redemption is notified once
    assert Usage.objects.count() == ORDERS * 4
    release_expired(at=timezone.now() + timedelta(hours=1))
    assert Counter(Redemption.objects.values_list("status", flat=True)) == {
        RedemptionStatus.CONFIRMED: ORDERS // 2,
        RedemptionStatus.EXPIRED: ORDERS // 2,
    }
    assert Usage.objects.count() == Usage.objects.filter(reserved_until=None).count() == ORDERS // 2 * 4
    assert count_confirmed() == ORDERS // 2 * 4
    call_command("check_consistency")


def test_codes_created_without_the_broker_are_announced_later(sendgrid: SendGrid) -> None:
    shoppers = [ShopperFactory(consents=True) for _ in range(3)]
    ShopperFactory()
    credentials = f"Api-Key {ApiKeyFactory(brand=BrandFactory(slug='billo')).text}"
    body = {"rule": {"discount": 10}, "validity": "2099-01-31T23:59:59+01:00"}
    with platform(sendgrid) as system:
        system.start("web", "worker", "beat")

        # when the broker, which is Redis too, is killed with its data, and codes are created
        system.kill("redis")
        for number in range(5):
            response = system.post("/api/v1/discountcode/", body | {"id": f"AWAY{number}"}, credentials)
            assert response.status == 201, response.body
        assert system.get("/readyz").status == 503
        assert OutboxMessage.objects.filter(task="discounts.announce").count() == 5
        assert sendgrid.mails == []

        # then each shopper gets each announcement once after the restart
        system.start_redis()
        wait_until(lambda: len(sendgrid.mails) >= 15, f"every announcement\n{system.log('worker')}", seconds=120)
        wait_until(lambda: not OutboxMessage.objects.exists(), "every task has run", seconds=120)
        expected = {(shopper.email, f"AWAY{number}"): 1 for shopper in shoppers for number in range(5)}
        assert Counter((mail.address, mail.subject.rpartition(" ")[2]) for mail in sendgrid.mails) == expected
