"""Usage digests: each redemption is sent to the brand once, with at most one email a minute."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from accounts.models import Brand
from discounts.models import UsageNotification
from discounts.services import usage_digests
from mailings.models import Mail, Mailing
from mailings.services import planning, sending
from tests.factories import BrandFactory, MembershipFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(name="Billo", timezone="Europe/Madrid", notify_email="shop@billo.example")


def create_notification(brand: Brand, at: datetime, code: str = "AHMED2022BILLO", amount: int | None = 10_000) -> None:
    """Create a notification for the next digest."""
    UsageNotification.objects.create(
        brand=brand,
        code=code,
        redeemed_at=at,
        currency=amount and "EUR",
        amount=amount,
        discount_amount=amount and amount // 10,
    )


def test_redemptions_are_summed_in_one_email(brand: Brand, at: datetime) -> None:
    create_notification(brand, at)
    create_notification(brand, at + timedelta(seconds=20), amount=2_550)
    create_notification(brand, at, code="OTHER", amount=None)

    assert usage_digests.send_usage_digests(at=at) == 1
    sending.send_due(at=at)

    (message,) = mail.outbox
    assert message.to == ["Billo <shop@billo.example>"]
    assert message.subject == "Your discount codes were used 3 times"
    html = message.alternatives[0].content  # type: ignore[attr-defined]
    for text in (message.body, html):
        for expected in (
            "AHMED2022BILLO",
            "€125.50",
            "€12.55",
            "OTHER",
            "17 Mar 2027, 16:30",
        ):  # in Madrid, an hour ahead of UTC
            assert expected in text
    assert "List-Unsubscribe" not in message.extra_headers
    assert not UsageNotification.objects.exists()


def test_without_redemptions_no_digest_is_planned(brand: Brand, at: datetime) -> None:
    assert usage_digests.send_usage_digests(at=at) == 0
    assert not Mailing.objects.exists()


def test_a_brand_gets_one_digest_a_minute_and_loses_no_notification(brand: Brand, at: datetime) -> None:
    create_notification(brand, at)
    usage_digests.send_usage_digests(at=at)
    create_notification(brand, at)

    assert usage_digests.send_usage_digests(at=at + timedelta(seconds=59)) == 0
    assert UsageNotification.objects.count() == 1
    assert usage_digests.send_usage_digests(at=at + timedelta(seconds=60)) == 1

    assert not UsageNotification.objects.exists()
    assert Mail.objects.count() == 2


def test_each_brand_gets_only_its_own_redemptions(brand: Brand, at: datetime) -> None:
    cake = BrandFactory(name="Cake", notify_email="shop@cake.example")
    create_notification(brand, at, code="BILLO1")
    create_notification(cake, at, code="CAKE1")

    assert usage_digests.send_usage_digests(at=at) == 2
    sending.send_due(at=at)

    bodies = {message.to[0]: str(message.body) for message in mail.outbox}
    assert "CAKE1" not in bodies["Billo <shop@billo.example>"]
    assert "BILLO1" not in bodies["Cake <shop@cake.example>"]


def test_owners_get_the_digest_of_a_brand_without_an_address(at: datetime) -> None:
    brand = BrandFactory(notify_email="")
    owner = MembershipFactory(brand=brand, role="owner").user
    MembershipFactory(brand=brand, role="editor")
    create_notification(brand, at)

    usage_digests.send_usage_digests(at=at)

    assert list(Mail.objects.values_list("recipient", "address")) == [(owner.pk, owner.email)]


def test_notifications_of_a_brand_without_recipients_are_dropped(at: datetime) -> None:
    create_notification(BrandFactory(notify_email=""), at)

    assert usage_digests.send_usage_digests(at=at) == 0
    assert not UsageNotification.objects.exists()


def test_a_failure_while_planning_keeps_the_notifications(
    brand: Brand, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_notification(brand, at)

    def fail(**kwargs: Any) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(planning, "create_transactional_mailing", fail)
    with pytest.raises(KeyboardInterrupt):
        usage_digests.send_usage_digests(at=at)
    assert UsageNotification.objects.count() == 1
    assert not Mailing.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_concurrent_digests_include_each_redemption_once(
    brand: Brand, at: datetime, run_concurrently: Callable[..., list[Any]]
) -> None:
    for _ in range(50):
        create_notification(brand, at)

    run_concurrently(lambda _: usage_digests.send_usage_digests(at=at), range(4))
    minutes = 1
    while UsageNotification.objects.exists():
        usage_digests.send_usage_digests(at=at + timedelta(minutes=minutes))
        minutes += 1

    assert sum(mailing.data["total"] for mailing in Mailing.objects.all()) == 50
    assert Mailing.objects.filter(key__contains=f"{at:%H:%M}").count() == 1


def test_a_digest_lists_50_codes_and_counts_the_others(brand: Brand, at: datetime) -> None:
    UsageNotification.objects.bulk_create(
        UsageNotification(brand=brand, code=f"CODE{n:03}", redeemed_at=at) for n in range(60)
    )

    usage_digests.send_usage_digests(at=at)
    sending.send_due(at=at)

    assert "And 10 more codes." in str(mail.outbox[0].body)
