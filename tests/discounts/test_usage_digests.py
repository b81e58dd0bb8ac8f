"""Usage digests: each redemption is sent to the brand once, with at most one email a minute."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection

from accounts.models import Brand
from discounts.services import usage_digests
from mailings.models import Mail, Mailing
from mailings.services import planning, sending
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from tests.factories import BrandFactory, MembershipFactory
from tests.races.transactions import long_transaction
from tests.redemptions.events import wait_for_horizon

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(name="Billo", timezone="Europe/Madrid", notify_email="shop@billo.example")


def redemption(brand: Brand, at: datetime, code: str = "AHMED2022BILLO", amount: int | None = 10_000) -> NewEvent:
    """Return the event of a redemption."""
    return NewEvent(
        EventType.REDEMPTION_CONFIRMED, at, brand.pk, "discount_code", offer=uuid.uuid4(), code=code,
        redemption=uuid.uuid4(), subtotal=amount, amount=amount and amount // 10, currency="EUR" if amount else "",
    )  # fmt: skip


def send_digests(at: datetime) -> int:
    """Plan the digests of everything that is committed."""
    wait_for_horizon()
    return usage_digests.send_usage_digests(at=at)


def test_redemptions_are_summed_in_one_email(brand: Brand, at: datetime) -> None:
    append_events(
        [
            redemption(brand, at),
            redemption(brand, at + timedelta(seconds=20), amount=2_550),
            redemption(brand, at, code="OTHER", amount=None),
            NewEvent(EventType.REDEMPTION_CONFIRMED, at, brand.pk, "promotion", code="PROMO"),
            NewEvent(EventType.REDEMPTION_RESERVED, at, brand.pk, "discount_code", code="RESERVED"),
        ]
    )

    assert send_digests(at) == 1
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
        assert "PROMO" not in text
        assert "RESERVED" not in text
    assert "List-Unsubscribe" not in message.extra_headers


def test_without_redemptions_no_digest_is_planned(brand: Brand, at: datetime) -> None:
    assert send_digests(at) == 0
    assert not Mailing.objects.exists()


def test_a_brand_gets_one_digest_a_minute_which_tells_everything(brand: Brand, at: datetime) -> None:
    append_events([redemption(brand, at)])
    send_digests(at)
    append_events([redemption(brand, at)])

    assert send_digests(at + timedelta(seconds=29)) == 0  # the minute ends after 30 seconds
    assert send_digests(at + timedelta(seconds=60)) == 1
    assert send_digests(at + timedelta(seconds=120)) == 0

    assert [mailing.data["total"] for mailing in Mailing.objects.all()] == [1, 1]
    assert Mail.objects.count() == 2


def test_each_brand_gets_only_its_own_redemptions(brand: Brand, at: datetime) -> None:
    cake = BrandFactory(name="Cake", notify_email="shop@cake.example")
    append_events([redemption(brand, at, code="BILLO1"), redemption(cake, at, code="CAKE1")])

    assert send_digests(at) == 2
    sending.send_due(at=at)

    bodies = {message.to[0]: str(message.body) for message in mail.outbox}
    assert "CAKE1" not in bodies["Billo <shop@billo.example>"]
    assert "BILLO1" not in bodies["Cake <shop@cake.example>"]


def test_owners_get_the_digest_of_a_brand_without_an_address(at: datetime) -> None:
    brand = BrandFactory(notify_email="")
    owner = MembershipFactory(brand=brand, role="owner").user
    MembershipFactory(brand=brand, role="editor")
    append_events([redemption(brand, at)])

    send_digests(at)

    assert list(Mail.objects.values_list("recipient", "address")) == [(owner.pk, owner.email)]


def test_redemptions_of_a_brand_without_recipients_are_never_told(brand: Brand, at: datetime) -> None:
    silent = BrandFactory(notify_email="")
    append_events([redemption(silent, at), redemption(brand, at)])

    assert send_digests(at) == 1

    silent.notify_email = "late@example.com"
    silent.save()
    assert send_digests(at + timedelta(minutes=1)) == 0


def test_a_failure_while_planning_keeps_the_redemptions_for_the_next_digest(
    brand: Brand, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_events([redemption(brand, at)])

    def fail(**kwargs: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(planning, "create_transactional_mailing", fail)
        with pytest.raises(KeyboardInterrupt):
            send_digests(at)
    assert not Mailing.objects.exists()

    assert send_digests(at) == 1


def test_concurrent_digests_include_each_redemption_once(
    brand: Brand, at: datetime, run_concurrently: Callable[..., list[Any]]
) -> None:
    def write_and_send(number: int) -> None:
        for part in range(10):
            append_events([redemption(brand, at)])
            usage_digests.send_usage_digests(at=at + timedelta(minutes=number * 10 + part))

    run_concurrently(write_and_send, range(5))
    send_digests(at + timedelta(days=1))

    assert sum(mailing.data["total"] for mailing in Mailing.objects.all()) == 50


def send_during_a_transaction(brand: Brand, at: datetime) -> int:
    """Plan digests while a redemption isn't committed, and afterwards. Return how many redemptions they tell."""
    with long_transaction(lambda: append_events([redemption(brand, at)])) as commit:
        append_events([redemption(brand, at)])
        usage_digests.send_usage_digests(at=at)
        commit()
    send_digests(at + timedelta(minutes=1))
    return sum(mailing.data["total"] for mailing in Mailing.objects.all())


def test_a_redemption_that_is_committed_late_is_in_the_next_digest(brand: Brand, at: datetime) -> None:
    assert send_during_a_transaction(brand, at) == 2


def test_a_reader_ahead_of_the_horizon_loses_a_redemption(
    brand: Brand, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the test above can fail: read up to the newest transaction, also while older ones are running."""
    monkeypatch.setattr(usage_digests, "get_horizon", get_newest_transaction)

    assert send_during_a_transaction(brand, at) == 1


def get_newest_transaction() -> int:
    """Return the number of a transaction that begins now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT redemptions_event_tx()")
        return int(cursor.fetchone()[0])


def test_a_digest_lists_50_codes_and_counts_the_others(brand: Brand, at: datetime) -> None:
    append_events(redemption(brand, at, code=f"CODE{n:03}") for n in range(60))

    send_digests(at)
    sending.send_due(at=at)

    assert "And 10 more codes." in str(mail.outbox[0].body)
