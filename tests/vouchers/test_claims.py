"""The first so many who sign in get a voucher, each one, with its rank."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import ProgrammingError

from accounts.models import Customer, User
from core.errors import NotFound
from mailings.models import Mail
from tests.factories import CampaignFactory, CustomerFactory, ShopperFactory
from vouchers.contracts import ClaimRequest, ClaimResult, Result
from vouchers.models import Campaign, CampaignCounter, FirstLogin, Voucher
from vouchers.services import claim, claim_many, close

pytestmark = pytest.mark.django_db


def customers(count: int) -> list[Customer]:
    return [ShopperFactory().customer for _ in range(count)]


def arrive(campaign: Campaign, people: list[Customer], at: datetime) -> list[ClaimResult]:
    return claim_many(campaign=campaign.slug, arrivals=[ClaimRequest(one.pk, at) for one in people])


def results(outcomes: list[ClaimResult]) -> list[tuple[str, int | None]]:
    return [(str(it.result), it.voucher.rank if it.voucher else None) for it in outcomes]


def test_the_first_of_a_batch_get_the_vouchers_in_the_order_of_their_coming(at: datetime) -> None:
    campaign, people = CampaignFactory(quota=2), customers(4)
    came = [people[3], people[1], people[3], people[0], people[2], people[1]]

    outcomes = arrive(campaign, came, at)

    assert results(outcomes) == [
        ("voucher_granted", 1), ("voucher_granted", 2), ("already_logged_in", 1), ("campaign_full", None),
        ("campaign_full", None), ("already_logged_in", 2),
    ]  # fmt: skip
    assert list(Voucher.objects.order_by("rank").values_list("customer_id", flat=True)) == [people[3].pk, people[1].pk]
    line = FirstLogin.objects.order_by("sequence").values_list("customer_id", flat=True)
    assert list(line) == [people[3].pk, people[1].pk, people[0].pk, people[2].pk]
    assert CampaignCounter.objects.get().issued == 2


def test_one_after_the_other_is_the_same_as_all_at_once(at: datetime) -> None:
    campaign, people = CampaignFactory(quota=2), customers(3)

    outcomes = [claim(campaign=campaign.slug, customer_key=one.pk, at=at) for one in [*people, people[0], people[2]]]

    assert results(outcomes) == [
        ("voucher_granted", 1), ("voucher_granted", 2), ("campaign_full", None), ("already_logged_in", 1),
        ("already_logged_in", None),
    ]  # fmt: skip
    assert outcomes[3].voucher == outcomes[0].voucher
    assert Voucher.objects.count() == 2
    assert FirstLogin.objects.count() == 3


def test_the_very_same_arrival_sent_again_gets_the_very_same_answer(at: datetime) -> None:
    campaign, (one,) = CampaignFactory(), customers(1)
    arrival = ClaimRequest(one.pk, at)

    (first,) = claim_many(campaign=campaign.slug, arrivals=[arrival])
    (again,) = claim_many(campaign=campaign.slug, arrivals=[arrival])

    assert again == first
    assert first.result is Result.GRANTED
    assert first.voucher
    assert first.voucher.id == arrival.voucher_id


def test_a_voucher_says_what_it_is_worth_and_until_when(at: datetime) -> None:
    campaign, (one,) = CampaignFactory(name="Spring", voucher_valid_days=10), customers(1)

    voucher = claim(campaign=campaign.slug, customer_key=one.pk, at=at).voucher

    assert voucher
    assert (voucher.discount, voucher.voucher_type, voucher.state) == (Decimal(30), "topup", "available")
    assert voucher.description == "30% off: Spring"
    assert (voucher.created_at, voucher.expires_at) == (at, at + timedelta(days=10))


@pytest.mark.parametrize("moment", ["early", "late", "closed", "brand"])
def test_nobody_is_even_written_down_while_the_campaign_is_not_open(moment: str, at: datetime) -> None:
    start = at + timedelta(seconds=1) if moment == "early" else at - timedelta(days=1)
    campaign = CampaignFactory(start_date=start, end_date=at if moment == "late" else at + timedelta(days=1))
    if moment == "closed":
        close(campaign=campaign)
    if moment == "brand":
        type(campaign.brand).objects.update(is_active=False)
    (one,) = customers(1)

    outcome = claim(campaign=campaign.slug, customer_key=one.pk, at=at)

    assert outcome == ClaimResult(Result.NOT_OPEN)
    assert not FirstLogin.objects.exists()
    assert not Voucher.objects.exists()


def test_a_winner_who_asks_after_the_end_still_reads_their_voucher(at: datetime) -> None:
    campaign, (one,) = CampaignFactory(), customers(1)
    won = claim(campaign=campaign.slug, customer_key=one.pk, at=at)
    close(campaign=campaign)

    again = claim(campaign=campaign.slug, customer_key=one.pk, at=at)

    assert again == ClaimResult(Result.ALREADY_CLAIMED, won.voucher)


def test_the_window_is_half_open(at: datetime) -> None:
    campaign = CampaignFactory(start_date=at, end_date=at + timedelta(seconds=1), quota=5)
    first, last, late = customers(3)
    instants = [at, at + timedelta(microseconds=999_999), at + timedelta(seconds=1)]

    arrivals = [ClaimRequest(one.pk, instant) for one, instant in zip((first, last, late), instants, strict=True)]
    outcomes = claim_many(campaign=campaign.slug, arrivals=arrivals)

    assert [it.result for it in outcomes] == [Result.GRANTED, Result.GRANTED, Result.NOT_OPEN]


def test_who_is_shut_out_or_nobody_gets_nothing_and_harms_nobody(at: datetime) -> None:
    campaign, (out, good) = CampaignFactory(quota=1), customers(2)
    User.objects.filter(customer=out).update(is_active=False)

    arrivals = [ClaimRequest(out.pk, at), ClaimRequest(2**62, at), ClaimRequest(good.pk, at)]
    outcomes = claim_many(campaign=campaign.slug, arrivals=arrivals)

    assert [it.result for it in outcomes] == [Result.INACTIVE_USER, Result.INACTIVE_USER, Result.GRANTED]
    assert FirstLogin.objects.get().customer_id == good.pk


def test_a_customer_without_a_user_takes_part_and_gets_no_mail(at: datetime) -> None:
    campaign, one = CampaignFactory(), CustomerFactory()

    assert claim(campaign=campaign.slug, customer_key=one.pk, at=at).result is Result.GRANTED
    assert not Mail.objects.exists()


def test_there_is_no_campaign_of_an_unknown_slug(at: datetime) -> None:
    (one,) = customers(1)

    with pytest.raises(NotFound):
        claim(campaign="nosuch", customer_key=one.pk, at=at)
    assert claim_many(campaign="nosuch", arrivals=[ClaimRequest(one.pk, at)]) == [ClaimResult(Result.UNKNOWN)]
    assert claim_many(campaign="nosuch", arrivals=[]) == []


def test_campaigns_do_not_touch_each_other(at: datetime) -> None:
    one, other, (shopper,) = CampaignFactory(quota=1), CampaignFactory(quota=1), customers(1)

    outcomes = [claim(campaign=it.slug, customer_key=shopper.pk, at=at) for it in (one, other)]

    assert [it.result for it in outcomes] == [Result.GRANTED, Result.GRANTED]
    assert [it.issued for it in CampaignCounter.objects.all()] == [1, 1]


def test_a_winner_is_told_once_and_a_loser_never(at: datetime) -> None:
    campaign, people = CampaignFactory(quota=1), customers(2)

    arrive(campaign, people, at)
    arrive(campaign, people, at)

    mail = Mail.objects.select_related("mailing").get()
    assert mail.mailing.key == f"vouchers:{campaign.pk}"
    assert (mail.recipient, mail.address) == (people[0].pk, User.objects.get(customer=people[0]).email)
    assert mail.personal_text == "16 April 2027, 15:30"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("vouchers_rank_within_quota", {"rank": 3}),
        ("vouchers_rank_within_quota", {"rank": 0}),
        ("vouchers_rank_once", {"rank": 1}),
        ("vouchers_one_per_customer", {"customer": "first"}),
        ("vouchers_voucher_of_first_login", {"customer": "nobody"}),
        ("vouchers_voucher_hold", {"state": "reserved"}),
        ("vouchers_voucher_hold", {"state": "lost"}),
    ],
)
def test_the_database_refuses_a_voucher_that_breaks_a_promise(name: str, change: dict[str, Any], at: datetime) -> None:
    campaign, people = CampaignFactory(quota=2), customers(2)
    arrive(campaign, [people[0]], at)
    FirstLogin.objects.create(campaign=campaign, customer=people[1], at=at, sequence=10**9)
    who = {"first": people[0].pk, "nobody": CustomerFactory().pk}.get(change.get("customer", ""), people[1].pk)
    fields = {"rank": 2, "state": "available"} | {key: value for key, value in change.items() if key != "customer"}

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Voucher.objects.create(campaign=campaign, customer_id=who, quota=2, created_at=at, expires_at=at, **fields)

    assert name in str(refused.value)


def test_the_database_refuses_a_counter_beyond_its_quota(at: datetime) -> None:
    CampaignFactory(quota=2)

    with pytest.raises(IntegrityError, match="vouchers_counter_within_quota"), transaction.atomic():
        CampaignCounter.objects.update(issued=3)


def test_what_a_voucher_is_worth_cannot_change_once_the_campaign_is_made() -> None:
    CampaignFactory()

    changes: list[dict[str, Any]] = [
        {"offer": {}}, {"voucher_type": "x"}, {"voucher_valid_days": 1}, {"discount": 1}, {"slug": "x"},
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(ProgrammingError, match="vouchers_campaign"), transaction.atomic():
            Campaign.objects.update(**change)
    assert Campaign.objects.update(end_date=datetime(2031, 1, 1, tzinfo=UTC)) == 1
