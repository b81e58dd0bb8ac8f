"""API keys that guess codes: an event of the audit log and an email to the owners of the brand, once an hour."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.contracts import Role
from accounts.models import AccessEvent, Brand
from core import redis
from tests.checkout.builders import QUOTE, cart, post
from tests.factories import BrandFactory, MembershipFactory, ShopperFactory

pytestmark = pytest.mark.django_db
BrandClient = Callable[[Brand], Client]


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.THROTTLES = settings.THROTTLES | {"key_code_miss": "3/minute"}


def guess(client: Client, count: int = 4, **members: Any) -> list[int]:
    return [post(client, QUOTE, cart(codes=[f"GUESS{number}"], **members)).status_code for number in range(count)]


def list_alarms() -> list[tuple[Any, str]]:
    return list(AccessEvent.objects.filter(pgh_label="guessed").values_list("brand_id", "subject"))


def test_owners_hear_of_guesses_once_an_hour(
    brand_client: BrandClient, run_outbox: Callable[[], int], client: Client
) -> None:
    brand, now = BrandFactory(name="Billo", language="de"), timezone.now()
    owner, editor = (MembershipFactory(brand=brand, role=role).user for role in (Role.OWNER, Role.EDITOR))
    server = brand_client(brand)

    for minutes in (0, 30):
        assert guess(server, customer_id=f"invented-{minutes}")[-1] == 429
        services.report_guesses(at=now + timedelta(minutes=minutes))
        run_outbox()

    assert list_alarms() == [(brand.pk, "unknown codes")]
    (message,) = mail.outbox
    assert (message.to, message.subject) == ([owner.email], "Viele unbekannte Codes bei Billo")

    assert guess(server, customer_id="invented")[-1] == 429
    services.report_guesses(at=now + timedelta(minutes=61))
    run_outbox()

    assert (len(list_alarms()), len(mail.outbox)) == (2, 2)
    shown = []
    for user in (owner, editor):
        client.force_login(user)
        shown.append(client.get("/admin/log/").content.decode().count("Too many unknown codes"))
    assert shown[0] - shown[1] == 2  # beside the filter, which lists it for both


def test_other_limits_and_allowed_guesses_raise_no_alarm(
    brand_client: BrandClient, shopper_client: Callable[[Any], Client], settings: Any
) -> None:
    settings.THROTTLES = settings.THROTTLES | {"cart_code_miss": "3/minute"}
    assert guess(shopper_client(ShopperFactory()))[-1] == 429
    assert guess(brand_client(BrandFactory()), 3, customer_id="c") == [200] * 3

    services.report_guesses(at=timezone.now())

    assert list_alarms() == []


def test_an_alarm_survives_the_rollback_of_the_request(brand_client: BrandClient) -> None:
    brand = BrandFactory()
    server = brand_client(brand)
    guess(server, 3, customer_id="c")

    body = cart(codes=["GUESS"], customer_id="c") | {"order": "o-1"}
    headers = {"Idempotency-Key": "k"}
    answer = server.post("/api/v1/checkout/redemptions/", body, content_type="application/json", headers=headers)
    services.report_guesses(at=timezone.now())

    assert answer.status_code == 429
    assert list_alarms() == [(brand.pk, "unknown codes")]
    assert redis.client().smembers(services.guess_alarms.NOTED) == set()
