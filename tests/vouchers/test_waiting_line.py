"""What a winner loses goes to the next in line, with its rank, where the campaign says so."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Customer
from mailings.contracts import MailingStatus
from mailings.models import Mail, Mailing
from tests.factories import CampaignFactory, CustomerFactory, ShopperFactory
from vouchers.consistency import check
from vouchers.contracts import ClaimRequest, Result
from vouchers.errors import VoucherExpired, VoucherUsed
from vouchers.models import Campaign, CampaignCounter, FirstLogin, Voucher
from vouchers.services import claim, claim_many, close, expiry, revoke, waiting_list

pytestmark = pytest.mark.django_db
Deliver = Callable[[], int]
MONTH = timedelta(days=30)


def come(campaign: Campaign, count: int, at: datetime) -> list[Customer]:
    """So many people sign in, one after the other."""
    people = [ShopperFactory().customer for _ in range(count)]
    claim_many(campaign=campaign.slug, requests=[ClaimRequest(one.pk, at) for one in people])
    return people


def holders() -> list[tuple[int, int]]:
    """Rank and customer of the vouchers whose rank nobody took over."""
    return list(Voucher.objects.filter(reassigned_to=None).order_by("rank").values_list("rank", "customer_id"))


def of(customer: Customer) -> Voucher:
    return Voucher.objects.get(customer=customer)


def test_a_revoked_voucher_goes_to_the_next_in_line_with_its_rank(at: datetime, run_outbox: Deliver) -> None:
    campaign = CampaignFactory(quota=3, reassign_unused=True)
    people = come(campaign, 6, at)

    for place in (1, 0):
        revoke(voucher=of(people[place]), at=at)
        run_outbox()

    assert holders() == [(1, people[4].pk), (2, people[3].pk), (3, people[2].pk)]
    lost, heir = of(people[1]), of(people[3])
    assert (lost.status, lost.reassigned_to, heir.rank) == ("revoked", heir.pk, 2)
    assert heir.expires_at - heir.created_at == MONTH
    assert set(Mail.objects.values_list("recipient", flat=True)) == {people[n].pk for n in (0, 1, 2, 3, 4)}
    assert CampaignCounter.objects.get().issued == 3
    assert list(check(at=heir.created_at, repair=False)) == []


def test_who_lost_a_voucher_gets_no_other(at: datetime) -> None:
    campaign = CampaignFactory(quota=1, reassign_unused=True)
    loser, heir = come(campaign, 2, at)
    for one in (loser, heir):
        revoke(voucher=of(one), at=at)
        waiting_list.reassign_vouchers(campaign_id=campaign.pk, at=at)

    outcome = claim(campaign=campaign.slug, customer_key=loser.pk, at=at)

    assert (outcome.result, outcome.voucher) == (Result.ALREADY_CLAIMED, None)
    assert holders() == [(1, heir.pk)], "nobody is left in the line"


def test_vouchers_that_expire_unused_are_passed_on_and_used_ones_are_not(at: datetime) -> None:
    campaign = CampaignFactory(quota=2, reassign_unused=True)
    people = come(campaign, 4, at)
    Voucher.objects.filter(customer=people[0]).update(status="used", redemption_id=uuid.uuid4())
    later = at + MONTH

    expiry.expire_vouchers(at=later)
    assert waiting_list.enqueue_reassignments(at=later) == 1
    assert waiting_list.enqueue_reassignments(at=later) == 0

    assert holders() == [(1, people[0].pk), (2, people[2].pk)]
    assert of(people[1]).status == "expired"
    assert of(people[2]).expires_at == later + MONTH


def test_who_comes_later_gets_what_was_lost_before(at: datetime) -> None:
    campaign = CampaignFactory(quota=1, reassign_unused=True)
    (first,) = come(campaign, 1, at)
    revoke(voucher=of(first), at=at)
    assert waiting_list.enqueue_reassignments(at=at) == 0

    (later,) = come(campaign, 1, at)

    assert waiting_list.enqueue_reassignments(at=at) == 1
    assert holders() == [(1, later.pk)]


def test_many_ranks_change_hands_in_the_order_of_the_line(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_list, "CHUNK", 3)
    campaign = CampaignFactory(quota=10, reassign_unused=True)
    people = come(campaign, 18, at)
    expiry.expire_vouchers(at=at + MONTH)

    assert waiting_list.reassign_vouchers(campaign_id=campaign.pk, at=at + MONTH) == 8

    heirs = [(rank, one.pk) for rank, one in enumerate(people[10:], 1)]
    assert holders() == [*heirs, (9, people[8].pk), (10, people[9].pk)]


@pytest.mark.parametrize("why", ["does not say so", "closed", "brand gone"])
def test_nothing_is_passed_on_where_it_must_not(why: str, at: datetime) -> None:
    campaign = CampaignFactory(quota=1, reassign_unused=why != "does not say so")
    first, _ = come(campaign, 2, at)
    if why == "closed":
        close(campaign=campaign)
    if why == "brand gone":
        campaign.brand.is_active = False
        campaign.brand.save()

    revoke(voucher=of(first), at=at)

    assert (
        waiting_list.reassign_vouchers(campaign_id=campaign.pk, at=at) == waiting_list.enqueue_reassignments(at=at) == 0
    )
    assert holders() == [(1, first.pk)]
    assert list(check(at=at + timedelta(hours=1), repair=False)) == []


def test_heirs_are_told_even_when_the_campaign_and_its_mails_are_over(at: datetime) -> None:
    campaign = CampaignFactory(quota=1, reassign_unused=True, start_date=at, end_date=at + timedelta(hours=1))
    _, heir = come(campaign, 2, at)
    Mailing.objects.update(status=MailingStatus.DONE)
    expiry.expire_vouchers(at=at + MONTH)

    waiting_list.enqueue_reassignments(at=at + MONTH)
    assert Mailing.objects.get().status == MailingStatus.PLANNING
    assert Mail.objects.filter(recipient=heir.pk).count() == 1

    expiry.close_mailings(at=at + MONTH)
    assert Mailing.objects.get().status != MailingStatus.PLANNING


def test_a_customer_without_an_address_takes_over_without_a_mail(at: datetime) -> None:
    campaign = CampaignFactory(quota=1, reassign_unused=True)
    (first,) = come(campaign, 1, at)
    nobody = CustomerFactory()
    claim(campaign=campaign.slug, customer_key=nobody.pk, at=at)
    revoke(voucher=of(first), at=at)

    assert waiting_list.reassign_vouchers(campaign_id=campaign.pk, at=at) == 1
    assert holders() == [(1, nobody.pk)]
    assert not Mail.objects.filter(recipient=nobody.pk).exists()
    assert FirstLogin.objects.count() == 2


# --- revoking ---------------------------------------------------------------------------------------------------------
def test_revoking_twice_is_once(at: datetime) -> None:
    (one,) = come(CampaignFactory(), 1, at)

    first = revoke(voucher=of(one), at=at)
    again = revoke(voucher=of(one), at=at + timedelta(hours=1))

    assert first.revoked_at == again.revoked_at == at


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"state": "used", "redemption_id": uuid.UUID(int=1)}, VoucherUsed),
        ({"state": "reserved", "redemption_id": uuid.UUID(int=1), "reserved_until": MONTH}, VoucherUsed),
        ({"state": "expired"}, VoucherExpired),
        ({"expires_at": -MONTH}, VoucherExpired),
    ],
)
def test_what_is_used_held_or_over_cannot_be_revoked(
    fields: dict[str, Any], refusal: type[Exception], at: datetime
) -> None:
    (one,) = come(CampaignFactory(), 1, at)
    Voucher.objects.update(**{k: at + v if isinstance(v, timedelta) else v for k, v in fields.items()})
    before = Voucher.objects.values().get()

    with pytest.raises(refusal):
        revoke(voucher=of(one), at=at)

    assert Voucher.objects.values().get() == before


def test_a_hold_that_is_over_gives_way(at: datetime) -> None:
    (one,) = come(CampaignFactory(), 1, at)
    Voucher.objects.update(status="reserved", redemption_id=uuid.uuid4(), reserved_until=at)

    assert revoke(voucher=of(one), at=at).status == "revoked"


# --- what the database holds ------------------------------------------------------------------------------------------
def test_a_voucher_that_lives_is_passed_on_to_nobody(at: datetime) -> None:
    come(CampaignFactory(), 1, at)

    with pytest.raises(IntegrityError, match="vouchers_passed_on_is_over"), transaction.atomic():
        Voucher.objects.update(reassigned_to=uuid.uuid4())
    with pytest.raises(IntegrityError, match="vouchers_revoked_at"), transaction.atomic():
        Voucher.objects.update(status="revoked")


def test_nobody_takes_over_two_ranks(at: datetime) -> None:
    come(CampaignFactory(quota=2), 2, at)

    with pytest.raises(IntegrityError, match="vouchers_passed_on_once"), transaction.atomic():
        Voucher.objects.update(status="expired", reassigned_to=uuid.UUID(int=1))


# --- the audit --------------------------------------------------------------------------------------------------------
def test_the_audit_passes_on_what_was_forgotten(at: datetime) -> None:
    campaign = CampaignFactory(quota=1, reassign_unused=True)
    first, second = come(campaign, 2, at)
    Voucher.objects.filter(customer=first).update(status="revoked", revoked_at=at)
    now = at + timedelta(hours=1)

    assert list(check(at=at, repair=False)) == [], "it is being done"
    assert list(check(at=now, repair=False)) == [f"campaign {campaign.slug}: 1 ranks are to be passed on"]
    assert list(check(at=now, repair=True)) == [f"campaign {campaign.slug}: 1 ranks are to be passed on: 1 were"]

    assert list(check(at=now, repair=False)) == []
    assert holders() == [(1, second.pk)]


def test_the_audit_finds_ranks_that_nobody_has(at: datetime) -> None:
    (one,) = come(CampaignFactory(quota=1), 1, at)
    Voucher.objects.update(status="expired", reassigned_to=uuid.UUID(int=1))

    told = list(check(at=at, repair=False))

    assert f"voucher {of(one).pk}: passed on to one that is not there, or has another rank" in told
