"""An offer that ended a moment ago, by its date or by its brand, gives no codes and sends none."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail

from accounts.models import User
from discounts.services import announcements
from mailings.models import Mail
from mailings.services import sending
from redemptions.codes import services
from redemptions.codes.models import Code, CodeAssignment
from segments.services import apply_audience
from tests.factories import ShopperFactory
from tests.rules.api import CODED, Offer, Shop

pytestmark = pytest.mark.django_db
END = datetime(2027, 3, 28, 22, tzinfo=UTC)  # the end of the day in Madrid on which its clocks change
MOMENT = timedelta(seconds=1)


@pytest.fixture
def shop(create_shop: Callable[..., Shop]) -> Shop:
    """The server of a brand in Madrid, with the subscribed customers ``ana`` and ``ben`` in the audience ``vip``."""
    shop = create_shop(timezone="Europe/Madrid")
    for name in ("ana", "ben"):
        ShopperFactory(username=name, email=f"{name}@example.com", consents=True, customer__customer_id=name)
    apply_audience(brand=shop.brand, segment_type="vip", operation="add", customer_ids=["ana", "ben"])
    return shop


def create_with_batch(shop: Shop, kind: str) -> tuple[Offer, str]:
    """Create an offer that ends at END, with a batch of codes; return it with the path of the batch."""
    end: dict[str, Any] = {"validity" if kind == "discount_code" else "end_date": "2027-03-28"}
    with time_machine.travel(END - timedelta(days=3), tick=False):
        offer = shop.create(kind, **end)
        batch = shop.send("post", f"{offer.path}batches/", {"count": 5}, expect=201)["id"]
    return offer, f"{offer.path}batches/{batch}/"


def end_by_date(shop: Shop, offer: Offer) -> None:
    """Do nothing: the offer ends at its date."""


def end_by_brand(shop: Shop, offer: Offer) -> None:
    with time_machine.travel(END - MOMENT, tick=False):
        shop.act(offer, "end")


def archive(shop: Shop, offer: Offer) -> None:
    with time_machine.travel(END - MOMENT, tick=False):
        shop.act(offer, "archive")


every_end = pytest.mark.parametrize("end", [end_by_date, end_by_brand, archive])


@every_end
@pytest.mark.parametrize("kind", CODED)
def test_an_offer_that_ended_takes_and_gives_no_codes(
    kind: str, end: Callable[[Shop, Offer], None], shop: Shop
) -> None:
    offer, batch = create_with_batch(shop, kind)
    end(shop, offer)

    with time_machine.travel(END, tick=False):
        answers = [
            shop.send("post", f"{batch}assign/", {"customer_ids": ["ana"]}, expect=409),
            shop.send("post", f"{batch}assign/", {"audience": "vip", "notify": True}, expect=409),
            shop.send("post", f"{offer.path}batches/", {"count": 3}, expect=409),
            shop.import_file(offer, "code\nKX7P2M1Q9RTHW\n", expect=409),
        ]

    status = "archived" if end is archive else "ended"
    assert {(answer["code"], answer["current_status"]) for answer in answers} == {("invalid_status", status)}
    assert not Code.objects.filter(customer__isnull=False).exists()
    assert Code.objects.filter(single_use=True).count() == 5


@pytest.mark.parametrize("kind", CODED)
def test_codes_are_assigned_until_the_last_moment(kind: str, shop: Shop) -> None:
    _, batch = create_with_batch(shop, kind)

    with time_machine.travel(END - MOMENT, tick=False):
        assert shop.send("post", f"{batch}assign/", {"customer_ids": ["ana"], "notify": True})["mailed"] == 1
        sending.send_due(at=END - MOMENT)

    assert len(mail.outbox) == 1


@every_end
@pytest.mark.parametrize("kind", CODED)
def test_an_assignment_to_an_audience_stops_when_the_offer_ends(
    kind: str, end: Callable[[Shop, Offer], None], shop: Shop
) -> None:
    offer, batch = create_with_batch(shop, kind)
    with time_machine.travel(END - 2 * MOMENT, tick=False):
        job = shop.send("post", f"{batch}assign/", {"audience": "vip", "notify": True}, expect=202)["job"]
    end(shop, offer)

    services.continue_assignment(assignment_id=CodeAssignment.objects.get().pk, at=END)

    with time_machine.travel(END, tick=False):
        assignment = shop.client.get(job).json()
    assert (assignment["assigned"], assignment["status"]) == (0, "completed")
    assert not Code.objects.filter(customer__isnull=False).exists()


@every_end
@pytest.mark.parametrize("kind", CODED)
def test_an_email_that_was_not_sent_before_the_end_is_not_sent(
    kind: str, end: Callable[[Shop, Offer], None], shop: Shop
) -> None:
    offer, batch = create_with_batch(shop, kind)
    with time_machine.travel(END - 2 * MOMENT, tick=False):
        shop.send("post", f"{batch}assign/", {"customer_ids": ["ana"], "notify": True})
    end(shop, offer)

    sending.send_due(at=END)

    assert mail.outbox == []


@pytest.mark.parametrize("kind", CODED)
def test_an_offer_that_a_later_end_makes_active_again_gives_codes_again(kind: str, shop: Shop) -> None:
    offer, batch = create_with_batch(shop, kind)
    end: dict[str, Any] = {"validity" if kind == "discount_code" else "end_date": "2027-04-30"}

    with time_machine.travel(END, tick=False):
        shop.change(offer, **end)

        assert shop.send("post", f"{batch}assign/", {"customer_ids": ["ana"]})["assigned"] == 1


@every_end
def test_an_announcement_that_was_not_sent_before_the_end_is_not_sent(
    end: Callable[[Shop, Offer], None],
    shop: Shop,
    run_outbox: Callable[[], int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with time_machine.travel(END - timedelta(days=3), tick=False), django_capture_on_commit_callbacks(execute=True):
        code = shop.create("discount_code", validity="2027-03-28", notify=True)
    with time_machine.travel(END - 2 * MOMENT, tick=False):
        announcements.announce(offer_id=uuid.UUID(code.id), at=END - 2 * MOMENT)
    assert Mail.objects.count() == 2
    end(shop, code)

    for _ in range(2):
        announcements.announce(offer_id=uuid.UUID(code.id), at=END)
        sending.send_due(at=END)

    assert mail.outbox == []


@pytest.mark.parametrize("end", [end_by_date, end_by_brand])
def test_a_campaign_that_ended_gives_no_vouchers(end: Callable[[Shop, Offer], None], shop: Shop) -> None:
    with time_machine.travel(END - timedelta(days=3), tick=False):
        campaign = shop.create("voucher", end_date="2027-03-28", quota=5)
        shop.claim(campaign, "ana")
    end(shop, campaign)

    with time_machine.travel(END, tick=False):
        ben = shop.sign_in(User.objects.get(username="ben")).post(f"/api/v1/{campaign.path}first-login/")

        assert (ben.status_code, ben.json()["code"]) == (409, "campaign_not_open")
        assert shop.get(campaign.path)["issued"] == 1
