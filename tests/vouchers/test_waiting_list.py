"""Waiting list: revoked and expired vouchers are reassigned with their ranks if the campaign does so."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Customer
from mailings.contracts import MailingStatus
from mailings.models import Mail, Mailing
from redemptions.lifecycle import Action
from tests.factories import CampaignFactory, CustomerFactory, ShopperFactory
from vouchers.consistency import check
from vouchers.contracts import ClaimRequest, Result
from vouchers.errors import VoucherExpired, VoucherUsed
from vouchers.models import Campaign, CampaignCounter, FirstLogin, Voucher
from vouchers.services import change_decision, claim, claim_many, expiry, revoke, waiting_list

pytestmark = pytest.mark.django_db
Deliver = Callable[[], int]
MONTH = timedelta(days=30)


def add_logins(campaign: Campaign, count: int, at: datetime) -> list[Customer]:
    """Sign ``count`` customers in, one after the other."""
    customers = [ShopperFactory().customer for _ in range(count)]
    claim_many(campaign=campaign.slug, requests=[ClaimRequest(customer.pk, at) for customer in customers])
    return customers


def holders() -> list[tuple[int, int]]:
    """Return ranks and customers of the vouchers that were not reassigned."""
    return list(Voucher.objects.filter(reassigned_to=None).order_by("rank").values_list("rank", "customer_id"))


def get_voucher(customer: Customer) -> Voucher:
    return Voucher.objects.get(customer=customer)


def test_a_revoked_voucher_is_reassigned_with_its_rank(at: datetime, run_outbox: Deliver) -> None:
    campaign = CampaignFactory(quota=3, reassign_unused=True)
    customers = add_logins(campaign, 6, at)

    for position in (1, 0):
        revoke(voucher=get_voucher(customers[position]), at=at)
        run_outbox()

    assert holders() == [(1, customers[4].pk), (2, customers[3].pk), (3, customers[2].pk)]
    revoked, replacement = get_voucher(customers[1]), get_voucher(customers[3])
    assert (revoked.status, revoked.reassigned_to, replacement.rank) == ("revoked", replacement.pk, 2)
    assert replacement.expires_at - replacement.created_at == MONTH
    assert set(Mail.objects.values_list("recipient", flat=True)) == {customers[n].pk for n in (0, 1, 2, 3, 4)}
    assert CampaignCounter.objects.get().issued == 3
    assert list(check(at=replacement.created_at, repair=False)) == []


def test_a_customer_with_a_revoked_voucher_gets_no_other(at: datetime) -> None:
    campaign = CampaignFactory(quota=1, reassign_unused=True)
    first, second = add_logins(campaign, 2, at)
    for customer in (first, second):
        revoke(voucher=get_voucher(customer), at=at)
        waiting_list.reassign_vouchers(campaign_id=campaign.pk, at=at)

    outcome = claim(campaign=campaign.slug, customer_key=first.pk, at=at)

    assert (outcome.result, outcome.voucher) == (Result.ALREADY_CLAIMED, None)
    assert holders() == [(1, second.pk)], "the waiting list is empty"


def test_expired_vouchers_are_reassigned_and_used_ones_are_not(at: datetime) -> None:
    campaign = CampaignFactory(quota=2, reassign_unused=True)
    customers = add_logins(campaign, 4, at)
    Voucher.objects.filter(customer=customers[0]).update(status="used", redemption_id=uuid.uuid4())
    later = at + MONTH

    expiry.expire_vouchers(at=later)
    assert waiting_list.reassign_due(at=later) == 1
    assert waiting_list.reassign_due(at=later) == 0

    assert holders() == [(1, customers[0].pk), (2, customers[2].pk)]
    assert get_voucher(customers[1]).status == "expired"
    assert get_voucher(customers[2]).expires_at == later + MONTH


def test_a_later_login_gets_a_revoked_voucher(at: datetime) -> None:
    campaign = CampaignFactory(quota=1, reassign_unused=True)
    (first,) = add_logins(campaign, 1, at)
    revoke(voucher=get_voucher(first), at=at)
    assert waiting_list.reassign_due(at=at) == 0

    (later,) = add_logins(campaign, 1, at)

    assert waiting_list.reassign_due(at=at) == 1
    assert holders() == [(1, later.pk)]


def test_many_vouchers_are_reassigned_in_order(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_list, "CHUNK", 3)
    campaign = CampaignFactory(quota=10, reassign_unused=True)
    customers = add_logins(campaign, 18, at)
    expiry.expire_vouchers(at=at + MONTH)

    assert waiting_list.reassign_vouchers(campaign_id=campaign.pk, at=at + MONTH) == 8

    replaced = [(rank, customer.pk) for rank, customer in enumerate(customers[10:], 1)]
    assert holders() == [*replaced, (9, customers[8].pk), (10, customers[9].pk)]


@pytest.mark.parametrize("case", ["not enabled", "ended", "inactive brand"])
def test_vouchers_are_not_reassigned_unless_the_campaign_is_active(case: str, at: datetime) -> None:
    campaign = CampaignFactory(quota=1, reassign_unused=case != "not enabled")
    first, _ = add_logins(campaign, 2, at)
    if case == "ended":
        change_decision(campaign=campaign, action=Action.END, at=timezone.now())
    if case == "inactive brand":
        campaign.brand.is_active = False
        campaign.brand.save()

    revoke(voucher=get_voucher(first), at=at)

    assert waiting_list.reassign_vouchers(campaign_id=campaign.pk, at=at) == waiting_list.reassign_due(at=at) == 0
    assert holders() == [(1, first.pk)]
    assert list(check(at=at + timedelta(hours=1), repair=False)) == []


def test_reassigned_vouchers_are_announced_after_the_campaign(at: datetime) -> None:
    campaign = CampaignFactory(quota=1, reassign_unused=True, start_date=at, end_date=at + timedelta(hours=1))
    _, waiting = add_logins(campaign, 2, at)
    Mailing.objects.update(status=MailingStatus.DONE)
    expiry.expire_vouchers(at=at + MONTH)

    waiting_list.reassign_due(at=at + MONTH)
    assert Mailing.objects.get().status == MailingStatus.PLANNING
    assert Mail.objects.filter(recipient=waiting.pk).count() == 1

    expiry.close_mailings(at=at + MONTH)
    assert Mailing.objects.get().status != MailingStatus.PLANNING


def test_a_customer_without_an_address_gets_no_email(at: datetime) -> None:
    campaign = CampaignFactory(quota=1, reassign_unused=True)
    (first,) = add_logins(campaign, 1, at)
    anonymous = CustomerFactory()
    claim(campaign=campaign.slug, customer_key=anonymous.pk, at=at)
    revoke(voucher=get_voucher(first), at=at)

    assert waiting_list.reassign_vouchers(campaign_id=campaign.pk, at=at) == 1
    assert holders() == [(1, anonymous.pk)]
    assert not Mail.objects.filter(recipient=anonymous.pk).exists()
    assert FirstLogin.objects.count() == 2


# --- revocation -------------------------------------------------------------------------------------------------------
def test_a_repeated_revocation_changes_nothing(at: datetime) -> None:
    (customer,) = add_logins(CampaignFactory(), 1, at)

    first = revoke(voucher=get_voucher(customer), at=at)
    again = revoke(voucher=get_voucher(customer), at=at + timedelta(hours=1))

    assert first.revoked_at == again.revoked_at == at


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"status": "used", "redemption_id": uuid.UUID(int=1)}, VoucherUsed),
        ({"status": "reserved", "redemption_id": uuid.UUID(int=1), "reserved_until": MONTH}, VoucherUsed),
        ({"status": "expired"}, VoucherExpired),
        ({"expires_at": -MONTH}, VoucherExpired),
    ],
)
def test_used_reserved_and_expired_vouchers_cannot_be_revoked(
    fields: dict[str, Any], error: type[Exception], at: datetime
) -> None:
    (customer,) = add_logins(CampaignFactory(), 1, at)
    Voucher.objects.update(
        **{name: at + value if isinstance(value, timedelta) else value for name, value in fields.items()}
    )
    before = Voucher.objects.values().get()

    with pytest.raises(error):
        revoke(voucher=get_voucher(customer), at=at)

    assert Voucher.objects.values().get() == before


def test_a_voucher_with_an_expired_reservation_can_be_revoked(at: datetime) -> None:
    (customer,) = add_logins(CampaignFactory(), 1, at)
    Voucher.objects.update(status="reserved", redemption_id=uuid.uuid4(), reserved_until=at)

    assert revoke(voucher=get_voucher(customer), at=at).status == "revoked"


# --- constraints ------------------------------------------------------------------------------------------------------
def test_constraints_reject_reassigning_an_available_voucher(at: datetime) -> None:
    add_logins(CampaignFactory(), 1, at)

    with pytest.raises(IntegrityError, match="vouchers_passed_on_is_over"), transaction.atomic():
        Voucher.objects.update(reassigned_to=uuid.uuid4())
    with pytest.raises(IntegrityError, match="vouchers_revoked_at"), transaction.atomic():
        Voucher.objects.update(status="revoked")


def test_a_constraint_rejects_two_ranks_for_one_replacement(at: datetime) -> None:
    add_logins(CampaignFactory(quota=2), 2, at)

    with pytest.raises(IntegrityError, match="vouchers_passed_on_once"), transaction.atomic():
        Voucher.objects.update(status="expired", reassigned_to=uuid.UUID(int=1))


# --- consistency ------------------------------------------------------------------------------------------------------
def test_the_consistency_check_reassigns_overdue_vouchers(at: datetime) -> None:
    campaign = CampaignFactory(quota=1, reassign_unused=True)
    first, second = add_logins(campaign, 2, at)
    Voucher.objects.filter(customer=first).update(status="revoked", revoked_at=at)
    now = at + timedelta(hours=1)

    line = f"campaign {campaign.slug}: 1 vouchers to be reassigned"
    assert list(check(at=at, repair=False)) == [], "the task has not run yet"
    assert list(check(at=now, repair=False)) == [line]
    assert list(check(at=now, repair=True)) == [f"{line}: 1 reassigned"]

    assert list(check(at=now, repair=False)) == []
    assert holders() == [(1, second.pk)]


def test_the_consistency_check_finds_missing_replacements(at: datetime) -> None:
    (customer,) = add_logins(CampaignFactory(quota=1), 1, at)
    Voucher.objects.update(status="expired", reassigned_to=uuid.UUID(int=1))

    lines = list(check(at=at, repair=False))

    assert (
        f"voucher {get_voucher(customer).pk}: reassigned to a voucher that doesn't exist or has another rank" in lines
    )
