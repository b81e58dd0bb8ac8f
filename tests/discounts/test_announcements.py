"""Announcements of codes to subscribed shoppers, once per shopper."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import Brand, CustomerProfile, User
from core.models import OutboxMessage
from discounts import selectors
from discounts.models import DiscountCode
from discounts.services import announcements, codes
from mailings.models import Mail, Mailing, Suppression
from mailings.services import planning, sending
from redemptions.lifecycle import Action
from segments.models import Audience, AudienceMember
from tests.factories import BrandFactory, DiscountCodeFactory, ShopperFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(name="Billo", timezone="Europe/Madrid", color="#7c3aed")


@pytest.fixture
def code(brand: Brand, at: datetime) -> DiscountCode:
    return DiscountCodeFactory(text="AHMED2022BILLO", brand=brand, end_date=datetime(2027, 6, 30, 22, tzinfo=at.tzinfo))


def create_shopper(name: str, **fields: Any) -> User:
    """Create a shopper who is subscribed to marketing emails."""
    return ShopperFactory(username=name, email=f"{name}@example.com", consents=True, **fields)


def addresses() -> list[str]:
    return sorted(Mail.objects.values_list("address", flat=True))


def test_only_active_subscribed_shoppers_with_a_verified_address_get_an_announcement(
    code: DiscountCode, at: datetime
) -> None:
    create_shopper("ann")
    create_shopper("bob")
    ShopperFactory(username="no", email="no@example.com")
    create_shopper("gone", is_active=False)
    create_shopper("new", email_verified_at=None)
    User.objects.create_user("staff", "staff@example.com", email_verified_at=at)
    ShopperFactory(username="nomail", email="", consents=True)

    announcements.announce(offer_id=code.offer_id, at=at)

    assert addresses() == ["ann@example.com", "bob@example.com"]
    assert Mailing.objects.get().status == "sending"


def test_a_code_for_an_audience_is_announced_to_its_members(code: DiscountCode, brand: Brand, at: datetime) -> None:
    ann, bob, other = create_shopper("ann"), create_shopper("bob"), create_shopper("other")
    code.rule.audience = "purchased_more_than_twice"
    code.rule.save()
    audience = Audience.objects.create(brand=brand, segment_type="purchased_more_than_twice")
    elsewhere = Audience.objects.create(brand=BrandFactory(), segment_type="purchased_more_than_twice")
    AudienceMember.objects.create(audience=audience, customer=ann.customer)
    AudienceMember.objects.create(audience=audience, customer=bob.customer)
    AudienceMember.objects.create(audience=elsewhere, customer=other.customer)

    announcements.announce(offer_id=code.offer_id, at=at)

    assert addresses() == ["ann@example.com", "bob@example.com"]


def test_announcing_again_sends_nobody_a_second_email(code: DiscountCode, at: datetime) -> None:
    create_shopper("ann")
    announcements.announce(offer_id=code.offer_id, at=at)
    create_shopper("late")

    announcements.announce(offer_id=code.offer_id, at=at)

    assert addresses() == ["ann@example.com"]


def test_interrupted_planning_resumes_where_it_stopped(
    code: DiscountCode, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        create_shopper(f"s{number}")
    monkeypatch.setattr(planning, "CHUNK", 2)
    add, calls = planning.add_recipients, []

    def fail_on_third_call(**kwargs: Any) -> int:
        calls.append(kwargs)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return add(**kwargs)

    monkeypatch.setattr(planning, "add_recipients", fail_on_third_call)
    with pytest.raises(KeyboardInterrupt):
        announcements.announce(offer_id=code.offer_id, at=at)
    assert Mail.objects.count() == 4
    assert Mailing.objects.get().status == "planning"

    announcements.announce(offer_id=code.offer_id, at=at)

    assert addresses() == [f"s{number}@example.com" for number in range(7)]
    assert [len(call["recipients"]) for call in calls] == [2, 2, 2, 2, 1]  # the first two chunks are not repeated
    assert Mailing.objects.get().status == "sending"


@pytest.mark.django_db(transaction=True)
def test_concurrent_announcements_plan_every_shopper_once(
    code: DiscountCode, at: datetime, monkeypatch: pytest.MonkeyPatch, run_concurrently: Callable[..., list[Any]]
) -> None:
    for number in range(9):
        create_shopper(f"s{number}")
    monkeypatch.setattr(planning, "CHUNK", 2)

    results = run_concurrently(lambda _: announcements.announce(offer_id=code.offer_id, at=at), range(3))

    assert results == [None, None, None]
    assert addresses() == [f"s{number}@example.com" for number in range(9)]
    assert OutboxMessage.objects.filter(task="mailings.send_due").count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"decision": "paused"},
        {"start_date": datetime(2027, 4, 17, tzinfo=timezone.get_default_timezone())},
        {"notify": False},
        {"end_date": datetime(2027, 3, 17, tzinfo=timezone.get_default_timezone())},
    ],
)
def test_paused_scheduled_ended_and_unannounced_codes_are_not_announced(
    code: DiscountCode, at: datetime, change: dict[str, Any]
) -> None:
    create_shopper("ann")
    DiscountCode.objects.update(**change)

    announcements.announce(offer_id=code.offer_id, at=at)

    assert not Mail.objects.exists()


def test_the_announcement_contains_the_code_the_discount_and_the_end(code: DiscountCode, at: datetime) -> None:
    create_shopper("ann")
    announcements.announce(offer_id=code.offer_id, at=at)

    sending.send_due(at=at)

    message = mail.outbox[0]
    html = message.alternatives[0].content  # type: ignore[union-attr]
    for text in (message.body, html):
        assert "AHMED2022BILLO" in text
        assert f"{code.rule.discount}%" in text
        assert "1 Jul 2027, 00:00" in text  # 22:00 UTC, in Madrid's summer time
        assert "Europe/Madrid" in text
        assert "ann" in text
        assert message.extra_headers["List-Unsubscribe"].strip("<>") in text
    assert "#7c3aed" in html
    assert message.from_email.startswith("Billo <")
    assert selectors.announcement_progress(code) == {"planned": 1, "sent": 1, "failed": 0}


def test_a_shopper_who_withdraws_consent_before_sending_gets_no_email(code: DiscountCode, at: datetime) -> None:
    create_shopper("ann")
    create_shopper("bob")
    announcements.announce(offer_id=code.offer_id, at=at)
    CustomerProfile.objects.filter(customer__user__username="ann").update(marketing_consent=False)

    sending.send_due(at=at)

    assert [message.to for message in mail.outbox] == [["bob <bob@example.com>"]]


def test_a_shopper_who_unsubscribed_from_the_brand_gets_no_email(
    code: DiscountCode, brand: Brand, at: datetime
) -> None:
    create_shopper("ann")
    Suppression.objects.create(address="ann@example.com", sender=str(brand.pk), reason="unsubscribe")
    announcements.announce(offer_id=code.offer_id, at=at)

    sending.send_due(at=at)

    assert mail.outbox == []


def test_a_code_that_is_paused_before_sending_is_not_announced(code: DiscountCode, at: datetime) -> None:
    create_shopper("ann")
    announcements.announce(offer_id=code.offer_id, at=at)
    codes.change_decision(code=code, action=Action.PAUSE, at=at)

    sending.send_due(at=at)

    assert mail.outbox == []
    assert Mail.objects.get().status == "suppressed"


def test_announcing_again_after_a_pause_emails_those_whom_it_kept_back(code: DiscountCode, at: datetime) -> None:
    for name in ("ann", "bob"):
        create_shopper(name)
    announcements.announce(offer_id=code.offer_id, at=at)
    code = codes.change_decision(code=code, action=Action.PAUSE, at=at)
    sending.send_due(at=at)
    Suppression.objects.create(address="bob@example.com", sender=str(code.brand_id), reason="unsubscribe")
    codes.change_decision(code=code, action=Action.RESUME, at=at)

    for _ in range(2):
        announcements.announce(offer_id=code.offer_id, at=at)
        sending.send_due(at=at)

    assert [message.to for message in mail.outbox] == [["ann <ann@example.com>"]]


def test_a_scheduled_code_is_announced_when_it_starts(code: DiscountCode, at: datetime) -> None:
    create_shopper("ann")
    start = at + timedelta(hours=1)
    DiscountCode.objects.update(start_date=start)

    announcements.announce_started(at=at)
    assert not Mail.objects.exists()

    for _ in range(2):
        announcements.announce_started(at=start)
    assert addresses() == ["ann@example.com"]


def test_a_code_that_started_long_ago_is_announced_only_by_hand(code: DiscountCode, at: datetime) -> None:
    create_shopper("ann")
    DiscountCode.objects.update(start_date=at - announcements.MAX_DELAY)

    announcements.announce_started(at=at)

    assert not Mail.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_creating_a_code_announces_it(brand: Brand, run_outbox: Callable[[], int]) -> None:
    create_shopper("ann")
    now = timezone.now()

    codes.create_code(
        brand=brand,
        text="ahmed2022billo",
        rule={"discount": 10},
        validity=now + timedelta(days=30),
        notify=True,
        by=None,
        at=now,
    )
    run_outbox()

    assert [message.to for message in mail.outbox] == [["ann <ann@example.com>"]]
    assert mail.outbox[0].subject == "10% off at Billo with code AHMED2022BILLO"
