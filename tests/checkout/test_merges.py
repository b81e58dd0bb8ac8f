"""Merges of customers: a guest becomes a customer, for one brand."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.errors import CustomerHasAccount, CustomerMerged
from accounts.models import Access, Brand, CustomerMerge, CustomerProfile
from accounts.selectors import get_profile, get_shopper, shopper_of
from accounts.services import ConsentRecord, ProfileFields, record_access, save_profile
from checkout import services
from checkout.contracts import Actor, AmendmentOptions
from checkout.models import Redemption
from checkout.refunds import RefundRequest
from core.errors import DomainError, InvalidRequest
from core.ids import uuid7
from core.privacy import Merge, list_tables
from coupons import services as coupons
from coupons.contracts import RedemptionRequest
from discounts.models import Usage
from discounts.services import redeem_code
from mailings.models import Mail
from redemptions.errors import CodeAlreadyUsed, UsageLimitPerCustomer
from redemptions.events.models import Event
from redemptions.limits.models import Limit
from redemptions.uses.models import OfferUse
from segments import services as segments
from segments.models import AudienceMember, CustomerSlots, SegmentMember
from tests.code_batches import import_codes
from tests.factories import BrandFactory, CustomerFactory, DiscountCodeFactory, PromotionFactory, ShopperFactory
from tests.personal_history import (
    add_to_audience,
    assign_codes,
    create_history,
    create_offers,
    place_order,
    return_order,
)
from tests.redemptions.limited_offers import KINDS, build_request, create_offer, create_shopper, reserve
from tests.redemptions.test_identities import COUNTED, ONCE
from vouchers import services as vouchers
from vouchers.models import Voucher

pytestmark = pytest.mark.django_db
PURCHASE_TOTALS = ("checkout.PurchaseTotal",)  # are calculated again from the orders
REQUESTS = ("accounts.PrivacyRequest", "accounts.PrivacyRequestEvent")
HISTORY = ("checkout.RedemptionEvent", "coupons.CouponRedemptionEvent", "discounts.UsageReturnEvent")  # of staff


@pytest.fixture
def guest() -> Shopper:
    return shopper_of(CustomerFactory(customer_id="guest-7"))


@pytest.fixture
def account() -> Shopper:
    return shopper_of(ShopperFactory().customer)


def merge(brand: Brand, source: Shopper, target: Shopper, at: datetime) -> CustomerMerge:
    return services.merge_customers(brand=brand, source_id=source.customer_id, target_id=target.customer_id, at=at)


def assert_consistent() -> None:
    call_command("check_consistency")


# --- what follows -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_confirmed", [True, False])
def test_what_a_guest_used_counts_for_the_account(
    kind: str, is_confirmed: bool, billo: Brand, guest: Shopper, account: Shopper, at: datetime
) -> None:  # fmt: skip
    offer = create_offer(kind, billo, **ONCE[kind][0], max_per_customer={"EUR": 50_000})
    redemption = reserve(offer, at, guest)
    if is_confirmed:
        services.confirm(redemption=redemption, at=at, by=Actor.SERVER)

    merge(billo, guest, account, at)

    assert Redemption.objects.get().customer_id == account.key
    assert OfferUse.objects.get().customer_id == account.key
    amounts = Limit.objects.filter(scope="customer_budget:EUR", taken__gt=0)
    assert list(amounts.values_list("slot", "taken")) == [(str(account.key), 1_000)]
    with pytest.raises(DomainError) as refused:
        reserve(offer, at, account)
    assert refused.value.status == 409
    assert_consistent()


@pytest.mark.parametrize("kind", KINDS)
def test_a_merged_reservation_is_confirmed_amended_and_refunded(
    kind: str, billo: Brand, guest: Shopper, account: Shopper, at: datetime
) -> None:
    offer = create_offer(kind, billo, **ONCE[kind][0], max_per_customer={"EUR": 50_000})
    redemption = reserve(offer, at, guest)
    request = build_request(offer, guest, at, price=20_000)

    merge(billo, guest, account, at)
    services.confirm(redemption=redemption, at=at, by=Actor.SERVER)
    services.amend(redemption=redemption, request=request, options=AmendmentOptions(), at=at, acceptance=ALL_BRANDS)
    assert Limit.objects.get(scope="customer_budget:EUR", slot=str(account.key)).taken == 2_000
    services.return_redemption(redemption=redemption, request=RefundRequest(), at=at)

    assert not Limit.objects.filter(taken__gt=0).exists()
    if kind != "voucher":  # the same voucher can be used again
        assert reserve(offer, at, account).discount_total == 1_000
    assert_consistent()


@pytest.mark.parametrize("kind", COUNTED)
def test_limits_count_both(kind: str, billo: Brand, guest: Shopper, account: Shopper, at: datetime) -> None:
    offer = create_offer(kind, billo, **{COUNTED[kind]: 2})
    first = reserve(offer, at, guest)
    for who in (guest, account):
        reserve(offer, at, who)

    merge(billo, guest, account, at)

    for _ in range(2):
        with pytest.raises(UsageLimitPerCustomer):
            reserve(offer, at, account)
        services.cancel(redemption=first, at=at)
        first = Redemption.objects.filter(status="reserved").earliest("pk")
    assert reserve(offer, at, account).discount_total == 1_000
    assert_consistent()


def test_a_code_that_both_used_stays_used_until_both_are_returned(
    billo: Brand, guest: Shopper, account: Shopper, at: datetime
) -> None:
    code: Any = create_offer("discount_code", billo)
    orders = [services.confirm(redemption=reserve(code, at, who), at=at, by=Actor.SERVER) for who in (guest, account)]

    merge(billo, guest, account, at)

    assert_consistent()
    for redemption in orders[::-1]:
        with pytest.raises(CodeAlreadyUsed):
            reserve(code, at, account)
        with pytest.raises(CodeAlreadyUsed):
            redeem_code(code="TEN", shopper=account, amount=None, currency=None, at=at)
        services.return_redemption(redemption=redemption, request=RefundRequest(), at=at)
        assert_consistent()
    assert not Usage.objects.exists()
    assert redeem_code(code="TEN", shopper=account, amount=None, currency=None, at=at).code == "TEN"


def test_a_reservation_of_a_code_that_both_have_is_confirmed(
    billo: Brand, guest: Shopper, account: Shopper, at: datetime
) -> None:
    code = create_offer("discount_code", billo)
    orders = [reserve(code, at, who) for who in (guest, account)]

    merge(billo, guest, account, at)

    for redemption in orders:
        services.confirm(redemption=redemption, at=at, by=Actor.SERVER)
    assert Usage.objects.filter(reserved_until=None).count() == 2
    assert_consistent()


def test_vouchers_and_first_logins_follow(billo: Brand, guest: Shopper, account: Shopper, at: datetime) -> None:
    first, second = (create_offer("voucher", billo) for _ in range(2))
    claims = [
        vouchers.claim(campaign=campaign.slug, customer_key=who.key, at=at)  # type: ignore[attr-defined]
        for campaign, who in ((first, guest), (second, guest), (second, account))
    ]

    merge(billo, guest, account, at)

    owners = dict(Voucher.objects.values_list("pk", "customer_id"))
    assert [owners[claim.voucher.id] for claim in claims if claim.voucher] == [account.key, guest.key, account.key]
    repeated = vouchers.claim(campaign=first.slug, customer_key=account.key, at=at)  # type: ignore[attr-defined]
    assert repeated.result == "already_logged_in"
    assert list(Mail.objects.values_list("recipient", flat=True)) == [account.key] * 2  # one for each voucher
    assert_consistent()


def test_coupons_without_orders_and_assigned_codes_follow(
    billo: Brand, guest: Shopper, account: Shopper, at: datetime
) -> None:
    coupon: Any = create_offer("coupon", billo, maximum_number_of_coupons_per_user=2, limit_per_day=9)
    until = at + timedelta(minutes=9)
    for who, reserved_until in ((guest, None), (guest, until), (account, None)):
        coupons.redeem(coupon=coupon.pk, request=RedemptionRequest(uuid7(), who.key, "TEN", reserved_until), at=at)
    promotion = PromotionFactory(brand=billo, trigger="code")
    batch = import_codes(promotion, ["code,customer_id", f"OWN-1,{guest.customer_id}", "OWN-2,"]).batch

    merge(billo, guest, account, at)

    assert set(coupon.redemptions.values_list("customer_id", flat=True)) == {account.key}
    with pytest.raises(UsageLimitPerCustomer):
        coupons.redeem(coupon=coupon.pk, request=RedemptionRequest(uuid7(), account.key, "TEN"), at=at)
    assert batch.codes.get(text="OWN-1").customer_id == account.key
    assert_consistent()


def test_audiences_and_segments_follow(billo: Brand, guest: Shopper, account: Shopper, at: datetime) -> None:
    for segment_type, members in (("vip", [guest]), ("new", [guest, account])):
        segments.apply_audience(
            brand=billo, segment_type=segment_type, operation="add",
            customer_ids=[who.customer_id for who in members],
        )  # fmt: skip
        segments.schedule(brand=billo, segment_type=segment_type, start_date=at, end_date=at + timedelta(days=1), at=at)

    merge(billo, guest, account, at)

    assert list(AudienceMember.objects.values_list("customer_id", flat=True)) == [account.key] * 2
    assert list(SegmentMember.objects.values_list("customer_id", flat=True)) == [account.key] * 2
    assert dict(CustomerSlots.objects.values_list("pk", "used")) == {guest.key: 0, account.key: 2}
    assert_consistent()


def describe(brand: Brand, who: Shopper, at: datetime, *, granted: bool) -> None:
    fields = ProfileFields(email=f"{who.customer_id}@mail.example", consent=ConsentRecord(granted, "Send me.", at))
    save_profile(brand=brand, customer_id=who.customer_id, fields=fields, api_key_id=None, at=at)


@pytest.mark.parametrize("is_described", [True, False])
def test_descriptions_and_consents_follow(is_described: bool, billo: Brand, guest: Shopper, at: datetime) -> None:
    other = create_shopper()
    describe(billo, guest, at, granted=False)
    if is_described:
        describe(billo, other, at - timedelta(days=1), granted=True)

    merge(billo, guest, other, at)

    profile = get_profile(brand=billo, customer_id=guest.customer_id)
    owner = other if is_described else guest
    assert (profile.customer_id, profile.email) == (other.key, f"{owner.customer_id}@mail.example")
    assert [consent.granted for consent in profile.consents.order_by("decided_at")] == [True, False][1 - is_described :]
    assert not CustomerProfile.objects.filter(marketing_consent=True).exists()


def test_other_brands_keep_the_guest(billo: Brand, guest: Shopper, account: Shopper, at: datetime) -> None:
    cake = BrandFactory(slug="cake")
    offer = create_offer("discount_code", cake)
    kept = reserve(offer, at, guest)
    segments.apply_audience(brand=cake, segment_type="vip", operation="add", customer_ids=[guest.customer_id])

    merge(billo, guest, account, at)

    assert Redemption.objects.get(pk=kept.pk).customer_id == guest.key
    assert Usage.objects.get().customer_id == guest.key
    assert AudienceMember.objects.get().customer_id == guest.key
    assert reserve(offer, at, account).discount_total == 1_000
    assert get_shopper(guest.customer_id, brand_id=cake.pk) == guest
    assert get_shopper(guest.customer_id, brand_id=billo.pk) == account
    assert [event.brand_id for event in Event.objects.filter(type="customer.merged")] == [billo.pk]


def test_every_registered_table_is_merged_as_the_registry_says(
    billo: Brand, guest: Shopper, account: Shopper, at: datetime
) -> None:
    offers = create_offers(billo, at)
    return_order(create_history(offers, guest, at), at)
    place_order(replace(offers, order_code=DiscountCodeFactory(brand=billo)), guest, at)
    add_to_audience(billo, [guest], at)
    assign_codes(offers, [guest], at)
    record_access(Access.READ, brand=billo.pk, customer=guest.key)
    keyed = [
        (table, column.merge)
        for table in list_tables()
        for column in table.columns
        if table.brand and column.name == table.customer and column.merge is not Merge.NONE
    ]
    before = {table: table.find_rows(customers=[guest.key], brand=billo.pk).count() for table, _ in keyed}

    merge(billo, guest, account, at)

    for table, expected in keyed:
        rows = {who.key: table.find_rows(customers=[who.key], brand=billo.pk).count() for who in (guest, account)}
        if expected is Merge.UNCHANGED:
            assert rows[guest.key] == before[table], table.model
        elif table.model not in PURCHASE_TOTALS:
            assert (rows[guest.key], rows[account.key]) == (0, before[table]), table.model
    empty = {table.model for table, _ in keyed if not before[table]}
    assert empty <= {*PURCHASE_TOTALS, *HISTORY, *REQUESTS, "accounts.CustomerMerge", "loyalty.RewardUse", "mail.Mail"}
    assert_consistent()


# --- who is merged ----------------------------------------------------------------------------------------------------
def test_a_merge_is_recorded_once_and_moves_what_came_later(
    billo: Brand, guest: Shopper, account: Shopper, at: datetime
) -> None:
    offer = create_offer("promotion", billo, limit_per_user=2)
    reserve(offer, at, guest)
    first = merge(billo, guest, account, at)
    reserve(offer, at, guest)  # by a request that was under way

    again = merge(billo, guest, account, at + timedelta(hours=1))

    assert (again.pk, again.merged_at) == (first.pk, at)
    assert Limit.objects.get(slot=str(account.key)).taken == 2
    (event,) = Event.objects.filter(type="customer.merged")
    assert (event.customer_id, event.data) == (account.key, {"from": "guest-7"})
    (audited,) = first.events.all()  # type: ignore[attr-defined]
    assert (audited.pgh_label, audited.source_id, audited.target_id) == ("insert", guest.key, account.key)


def test_guests_are_merged_in_turn(billo: Brand, guest: Shopper, account: Shopper, at: datetime) -> None:
    other = create_shopper()
    offer = create_offer("discount_code", billo)
    for who in (guest, other):
        reserve(offer, at, who)

    merge(billo, guest, other, at)
    merge(billo, other, account, at)

    assert dict(CustomerMerge.objects.values_list("source", "target")) == dict.fromkeys(
        [guest.key, other.key], account.key
    )
    assert set(Redemption.objects.values_list("customer_id", flat=True)) == {account.key}
    with pytest.raises(CodeAlreadyUsed):
        reserve(offer, at, account)
    with pytest.raises(InvalidRequest):
        merge(billo, account, guest, at)
    with pytest.raises(CustomerMerged):
        merge(billo, guest, create_shopper(), at)


def test_customers_with_accounts_are_not_merged_away(
    billo: Brand, guest: Shopper, account: Shopper, at: datetime
) -> None:
    offer = create_offer("promotion", billo, limit_per_user=1)
    reserve(offer, at, account)

    with pytest.raises(CustomerHasAccount):
        merge(billo, account, guest, at)

    assert not CustomerMerge.objects.exists()
    assert Redemption.objects.get().customer_id == account.key
    assert reserve(offer, at, guest).discount_total == 1_000
