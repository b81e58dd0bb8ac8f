"""Web dies between taking and answering, the broker goes away: no shopper loses a use, no announcement is lost."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command, get_commands
from django.utils import timezone

from checkout.models import LIVE, Redemption, Status
from checkout.services import release_expired
from core.models import OutboxMessage
from discounts.models import Usage, UsageNotification
from tests.factories import ApiKeyFactory, BrandFactory, DiscountCodeFactory, ShopperFactory
from tests.fakes.sendgrid import SendGrid
from tests.faults.clients import sent_until_answered
from tests.platform import Answer, Platform, platform, until

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
ORDERS, CLIENTS = 200, 8
REDEMPTIONS = "/api/v1/checkout/redemptions/"


@pytest.fixture
def sendgrid() -> Iterator[SendGrid]:
    with SendGrid() as standin:
        yield standin


@pytest.mark.timeout(900)
def test_web_killed_between_taking_and_answering_loses_nothing_and_takes_nothing_twice(dying: Platform) -> None:
    brand = BrandFactory(slug="billo")
    for number in range(4):
        DiscountCodeFactory(text=f"CODE{number}", brand=brand)
    credentials = f"Api-Key {ApiKeyFactory(brand=brand).text}"

    def buy(number: int) -> tuple[dict[str, Any], Answer, int, bool]:
        """Reserve an order and, for every second one, confirm it; also whether an answer was the remembered one."""
        body = {
            "currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00"}],
            "order": str(number), "customer_id": f"c{number}", "codes": [f"CODE{code}" for code in range(4)],
        }  # fmt: skip
        answer, cut = sent_until_answered(dying, REDEMPTIONS, body, f"order-{number}", credentials)
        assert answer.status == 201, answer.body
        replayed = "Idempotency-Replayed" in answer.headers
        if number % 2:
            path = f"{REDEMPTIONS}{answer.json()['id']}/confirm/"
            confirmed, more = sent_until_answered(dying, path, None, f"confirm-{number}", credentials)
            assert (confirmed.status, confirmed.json()["status"]) == (200, "confirmed"), confirmed.body
            replayed, cut = replayed or "Idempotency-Replayed" in confirmed.headers, cut + more
        return body, answer, cut, replayed

    # when two hundred orders are placed while web dies again and again
    with ThreadPoolExecutor(CLIENTS) as pool:
        bought = list(pool.map(buy, range(ORDERS)))

    # then it died indeed, also after it had taken and before it had answered
    assert sum(cut for _, _, cut, _ in bought) > 10
    assert any(replayed for *_, replayed in bought)

    # and each order has the one redemption that was answered, whatever is asked again
    live = dict(Redemption.objects.filter(status__in=LIVE).values_list("order", "pk"))
    assert Redemption.objects.count() == len(live) == ORDERS
    assert {order: str(pk) for order, pk in live.items()} == {body["order"]: a.json()["id"] for body, a, *_ in bought}
    for body, first, *_ in bought[:20]:
        again, _ = sent_until_answered(dying, REDEMPTIONS, body, f"order-{body['order']}", credentials)
        assert again.body == first.body

    # and what was confirmed stays, what was only reserved goes back, and the brand hears of each use once
    assert Usage.objects.count() == ORDERS * 4
    release_expired(at=timezone.now() + timedelta(hours=1))
    assert Counter(Redemption.objects.values_list("status", flat=True)) == {
        Status.CONFIRMED: ORDERS // 2,
        Status.EXPIRED: ORDERS // 2,
    }
    assert Usage.objects.count() == Usage.objects.filter(reserved_until=None).count() == ORDERS // 2 * 4
    assert UsageNotification.objects.count() == ORDERS // 2 * 4
    if "audit_ledgers" in get_commands():
        call_command("audit_ledgers")


def test_codes_made_while_the_broker_is_away_are_announced_once_it_is_back(sendgrid: SendGrid) -> None:
    shoppers = [ShopperFactory(marketing_consent=True, marketing_consent_at=timezone.now()) for _ in range(3)]
    ShopperFactory()
    credentials = f"Api-Key {ApiKeyFactory(brand=BrandFactory(slug='billo')).text}"
    new = {"rule": {"discount": 10}, "validity": "2099-01-31T23:59:59+01:00"}
    with platform(sendgrid) as parts:
        parts.start("web", "worker", "beat")

        # when the broker, which is Redis too, is killed with all it held, and codes are made
        parts.kill("redis")
        for number in range(5):
            answer = parts.post("/api/v1/discountcode/", new | {"id": f"AWAY{number}"}, credentials)
            assert answer.status == 201, answer.body
        assert parts.get("/readyz").status == 503
        assert OutboxMessage.objects.filter(task="discounts.announce").count() == 5
        assert sendgrid.taken == []

        # then, once it is back, each shopper gets each announcement, once
        parts.start_redis()
        until(lambda: len(sendgrid.taken) >= 15, f"every announcement\n{parts.log('worker')}", seconds=120)
        until(lambda: not OutboxMessage.objects.exists(), "every promise is kept", seconds=120)
        wanted = {(shopper.email, f"AWAY{number}"): 1 for shopper in shoppers for number in range(5)}
        assert Counter((mail.address, mail.subject.rpartition(" ")[2]) for mail in sendgrid.taken) == wanted
