"""Claims of vouchers: ranks, repeated logins, dates, emails and constraints."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import ProgrammingError
from django.utils import timezone

from accounts.models import Customer, User
from core.errors import NotFound
from mailings.models import Mail
from redemptions.lifecycle import Action
from tests.factories import CampaignFactory, CustomerFactory, ShopperFactory
from vouchers.contracts import ClaimRequest, ClaimResult, Result
from vouchers.models import Campaign, CampaignCounter, FirstLogin, Voucher
from vouchers.services import change_decision, claim, claim_many

pytestmark = pytest.mark.django_db


def create_customers(count: int) -> list[Customer]:
    return [ShopperFactory().customer for _ in range(count)]


def claim_for(campaign: Campaign, customers: list[Customer], at: datetime) -> list[ClaimResult]:
    return claim_many(campaign=campaign.slug, requests=[ClaimRequest(customer.pk, at) for customer in customers])


def results(claims: list[ClaimResult]) -> list[tuple[str, int | None]]:
    return [(str(claim.result), claim.voucher.rank if claim.voucher else None) for claim in claims]


def test_a_batch_gets_vouchers_in_the_order_of_its_logins(at: datetime) -> None:
    campaign, customers = CampaignFactory(quota=2), create_customers(4)
    first, second, third, fourth = customers

    claims = claim_for(campaign, [fourth, second, fourth, first, third, second], at)

    assert results(claims) == [
        ("voucher_granted", 1), ("voucher_granted", 2), ("already_logged_in", 1), ("campaign_full", None),
        ("campaign_full", None), ("already_logged_in", 2),
    ]  # fmt: skip
    assert list(Voucher.objects.order_by("rank").values_list("customer_id", flat=True)) == [fourth.pk, second.pk]
    logins = FirstLogin.objects.order_by("sequence").values_list("customer_id", flat=True)
    assert list(logins) == [fourth.pk, second.pk, first.pk, third.pk]
    assert CampaignCounter.objects.get().issued == 2


def test_single_claims_work_as_a_batch(at: datetime) -> None:
    campaign, customers = CampaignFactory(quota=2), create_customers(3)
    logins = [*customers, customers[0], customers[2]]

    claims = [claim(campaign=campaign.slug, customer_key=customer.pk, at=at) for customer in logins]

    assert results(claims) == [
        ("voucher_granted", 1), ("voucher_granted", 2), ("campaign_full", None), ("already_logged_in", 1),
        ("already_logged_in", None),
    ]  # fmt: skip
    assert claims[3].voucher == claims[0].voucher
    assert Voucher.objects.count() == 2
    assert FirstLogin.objects.count() == 3


def test_a_retried_request_gets_the_same_result(at: datetime) -> None:
    campaign, (customer,) = CampaignFactory(), create_customers(1)
    request = ClaimRequest(customer.pk, at)

    (first,) = claim_many(campaign=campaign.slug, requests=[request])
    (again,) = claim_many(campaign=campaign.slug, requests=[request])

    assert again == first
    assert first.result is Result.GRANTED
    assert first.voucher
    assert first.voucher.id == request.voucher_id


def test_a_voucher_shows_its_discount_and_expiry(at: datetime) -> None:
    campaign, (customer,) = CampaignFactory(name="Spring", voucher_valid_days=10), create_customers(1)

    voucher = claim(campaign=campaign.slug, customer_key=customer.pk, at=at).voucher

    assert voucher
    assert (voucher.discount, voucher.voucher_type, voucher.status) == (Decimal(30), "topup", "available")
    assert voucher.description == "30% off: Spring"
    assert (voucher.created_at, voucher.expires_at) == (at, at + timedelta(days=10))


@pytest.mark.parametrize("case", ["early", "late", "closed", "brand"])
def test_nothing_is_recorded_while_a_campaign_is_not_active(case: str, at: datetime) -> None:
    start = at + timedelta(seconds=1) if case == "early" else at - timedelta(days=1)
    campaign = CampaignFactory(start_date=start, end_date=at if case == "late" else at + timedelta(days=1))
    if case == "closed":
        change_decision(campaign=campaign, action=Action.END, at=timezone.now())
    if case == "brand":
        type(campaign.brand).objects.update(is_active=False)
    (customer,) = create_customers(1)

    result = claim(campaign=campaign.slug, customer_key=customer.pk, at=at)

    assert result == ClaimResult(Result.NOT_OPEN)
    assert not FirstLogin.objects.exists()
    assert not Voucher.objects.exists()


def test_a_voucher_is_returned_after_the_end_of_the_campaign(at: datetime) -> None:
    campaign, (customer,) = CampaignFactory(), create_customers(1)
    first = claim(campaign=campaign.slug, customer_key=customer.pk, at=at)
    change_decision(campaign=campaign, action=Action.END, at=timezone.now())

    again = claim(campaign=campaign.slug, customer_key=customer.pk, at=at)

    assert again == ClaimResult(Result.ALREADY_CLAIMED, first.voucher)


def test_the_end_of_a_campaign_is_exclusive(at: datetime) -> None:
    campaign = CampaignFactory(start_date=at, end_date=at + timedelta(seconds=1), quota=5)
    first, last, late = create_customers(3)
    times = [at, at + timedelta(microseconds=999_999), at + timedelta(seconds=1)]

    customers_with_times = zip((first, last, late), times, strict=True)
    requests = [ClaimRequest(customer.pk, time) for customer, time in customers_with_times]
    claims = claim_many(campaign=campaign.slug, requests=requests)

    assert [claim.result for claim in claims] == [Result.GRANTED, Result.GRANTED, Result.NOT_OPEN]


def test_inactive_and_unknown_customers_get_nothing(at: datetime) -> None:
    campaign, (inactive, active) = CampaignFactory(quota=1), create_customers(2)
    User.objects.filter(customer=inactive).update(is_active=False)

    requests = [ClaimRequest(inactive.pk, at), ClaimRequest(2**62, at), ClaimRequest(active.pk, at)]
    claims = claim_many(campaign=campaign.slug, requests=requests)

    assert [claim.result for claim in claims] == [Result.INACTIVE_USER, Result.INACTIVE_USER, Result.GRANTED]
    assert FirstLogin.objects.get().customer_id == active.pk


def test_a_customer_without_a_user_gets_a_voucher_but_no_email(at: datetime) -> None:
    campaign, customer = CampaignFactory(), CustomerFactory()

    assert claim(campaign=campaign.slug, customer_key=customer.pk, at=at).result is Result.GRANTED
    assert not Mail.objects.exists()


def test_an_unknown_slug_is_not_found(at: datetime) -> None:
    (customer,) = create_customers(1)

    with pytest.raises(NotFound):
        claim(campaign="nosuch", customer_key=customer.pk, at=at)
    assert claim_many(campaign="nosuch", requests=[ClaimRequest(customer.pk, at)]) == [ClaimResult(Result.UNKNOWN)]
    assert claim_many(campaign="nosuch", requests=[]) == []


def test_campaigns_are_independent(at: datetime) -> None:
    campaigns, (customer,) = CampaignFactory.create_batch(2, quota=1), create_customers(1)

    claims = [claim(campaign=campaign.slug, customer_key=customer.pk, at=at) for campaign in campaigns]

    assert [claim.result for claim in claims] == [Result.GRANTED, Result.GRANTED]
    assert [counter.issued for counter in CampaignCounter.objects.all()] == [1, 1]


def test_each_voucher_is_announced_by_one_email(at: datetime) -> None:
    campaign, customers = CampaignFactory(quota=1), create_customers(2)

    claim_for(campaign, customers, at)
    claim_for(campaign, customers, at)

    mail = Mail.objects.select_related("mailing").get()
    assert mail.mailing.key == f"vouchers:{campaign.pk}"
    assert (mail.recipient, mail.address) == (customers[0].pk, User.objects.get(customer=customers[0]).email)
    assert mail.personal_text == "2027-04-16T15:30:00Z"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("vouchers_rank_within_quota", {"rank": 3}),
        ("vouchers_rank_within_quota", {"rank": 0}),
        ("vouchers_rank_once", {"rank": 1}),
        ("vouchers_one_per_customer", {"customer": "first"}),
        ("vouchers_voucher_of_first_login", {"customer": "other"}),
        ("vouchers_voucher_hold", {"status": "reserved"}),
        ("vouchers_voucher_hold", {"status": "lost"}),
    ],
)
def test_constraints_reject_an_invalid_voucher(name: str, change: dict[str, Any], at: datetime) -> None:
    campaign, (first, second) = CampaignFactory(quota=2), create_customers(2)
    claim_for(campaign, [first], at)
    FirstLogin.objects.create(campaign=campaign, customer=second, at=at, sequence=10**9)
    key = {"first": first.pk, "other": CustomerFactory().pk}.get(change.get("customer", ""), second.pk)
    fields = {"rank": 2, "status": "available"} | {name: value for name, value in change.items() if name != "customer"}

    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        Voucher.objects.create(campaign=campaign, customer_id=key, quota=2, created_at=at, expires_at=at, **fields)

    assert name in str(raised.value)


def test_a_constraint_rejects_a_counter_above_its_quota(at: datetime) -> None:
    CampaignFactory(quota=2)

    with pytest.raises(IntegrityError, match="vouchers_counter_within_quota"), transaction.atomic():
        CampaignCounter.objects.update(issued=3)


def test_the_terms_of_a_campaign_cannot_change() -> None:
    CampaignFactory()

    changes: list[dict[str, Any]] = [
        {"offer": {}}, {"voucher_type": "x"}, {"voucher_valid_days": 1}, {"discount": 1}, {"slug": "x"},
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(ProgrammingError, match="vouchers_campaign"), transaction.atomic():
            Campaign.objects.update(**change)
    assert Campaign.objects.update(end_date=datetime(2031, 1, 1, tzinfo=UTC)) == 1
