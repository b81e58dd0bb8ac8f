"""Further identities of a customer share the limits per customer of offers of every kind."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.contracts import ALL_BRANDS
from accounts.models import Brand
from checkout import services
from checkout.contracts import Actor, AmendmentOptions, AmendmentTerms
from checkout.models import Redemption
from checkout.refunds import LineRefund, RefundRequest
from core.errors import DomainError, InvalidRequest
from core.ids import uuid7
from coupons import services as coupons
from coupons.contracts import RedemptionRequest
from redemptions.errors import CodeAlreadyUsed, ReservationExpired, UsageLimitPerCustomer
from redemptions.identities import Identities, derive_slot
from redemptions.limits.models import Limit
from redemptions.uses.consistency import check
from redemptions.uses.models import OfferUse
from tests.factories import BrandFactory, DiscountCodeFactory
from tests.redemptions.limited_offers import (
    KINDS,
    build_request,
    change_limits,
    create_offer,
    create_shopper,
    quote,
    reserve,
)

pytestmark = pytest.mark.django_db
EMAIL, PHONE = Identities({"email_sha256": "a" * 64}), Identities({"phone_sha256": "b" * 64})
BOTH = Identities({**EMAIL.sent, **PHONE.sent})
OTHERS = Identities({"email_sha256": "c" * 64, "device": "a" * 64})
ONCE: dict[str, tuple[dict[str, Any], type[DomainError]]] = {  # limits with which a customer uses an offer once
    "coupon": ({"maximum_number_of_coupons_per_user": 1}, UsageLimitPerCustomer),
    "discount_code": ({}, CodeAlreadyUsed),
    "loyalty_reward": ({}, CodeAlreadyUsed),
    "promotion": ({"limit_per_user": 1}, UsageLimitPerCustomer),
    "voucher": ({}, UsageLimitPerCustomer),
}
COUNTED = {"coupon": "maximum_number_of_coupons_per_user", "promotion": "limit_per_user"}


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


def create_once(kind: str, brand: Brand, **more: Any) -> Any:
    """Create an offer that a customer uses once."""
    return create_offer(kind, brand, **ONCE[kind][0], **more)


def differences(at: datetime) -> list[str]:
    return list(check(at=at, repair=False))


def identity_slots() -> dict[str, int]:
    """Return what is taken of limits by identities, by their names. Keys of customers have no colon."""
    rows = Limit.objects.filter(slot__contains=":", taken__gt=0).values_list("slot", "taken")
    return {slot.partition(":")[0]: taken for slot, taken in rows}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("first", "second"), [(EMAIL, EMAIL), (BOTH, PHONE), (PHONE, BOTH)])
def test_an_offer_that_is_once_per_customer_is_once_per_identity(
    kind: str, first: Identities, second: Identities, billo: Brand, at: datetime
) -> None:
    offer, error = create_once(kind, billo), ONCE[kind][1]

    reserve(offer, at, identities=first)

    priced = quote(offer, at, identities=second)
    assert [rejection.reason["code"] for rejection in priced.rejections] == [error.code]
    with pytest.raises(error):
        reserve(offer, at, identities=second)
    assert OfferUse.objects.count() == 1
    assert identity_slots() == dict.fromkeys(first.sent, 1)
    assert reserve(offer, at, identities=OTHERS).discount_total == 1_000
    assert reserve(offer, at).discount_total == 1_000
    assert differences(at) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_customer_is_refused_without_the_identity(kind: str, billo: Brand, at: datetime) -> None:
    offer, who = create_once(kind, billo), create_shopper()
    reserve(offer, at, who, identities=EMAIL)

    with pytest.raises(DomainError) as refused:
        reserve(offer, at, who)

    assert refused.value.status == 409
    assert Redemption.objects.count() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_cancellations_and_refunds_return_every_slot(kind: str, billo: Brand, at: datetime) -> None:
    offer = create_once(kind, billo)

    services.cancel(redemption=reserve(offer, at, identities=BOTH), at=at)
    assert identity_slots() == {}
    paid = services.confirm(redemption=reserve(offer, at, identities=BOTH), at=at, by=Actor.SERVER)
    assert identity_slots() == {"email_sha256": 1, "phone_sha256": 1}
    services.return_redemption(redemption=paid, request=RefundRequest(), at=at)

    assert identity_slots() == {}
    assert reserve(offer, at, identities=EMAIL).discount_total == 1_000
    assert differences(at) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_expired_reservation_gives_way_to_the_identity_at_once(kind: str, billo: Brand, at: datetime) -> None:
    offer = create_once(kind, billo)
    expired = reserve(offer, at, identities=EMAIL)

    late = reserve(offer, expired.expires_at, identities=EMAIL)

    assert late.discount_total == 1_000
    with pytest.raises(ReservationExpired):
        services.confirm(redemption=expired, at=expired.expires_at, by=Actor.SERVER)
    services.release_expired(at=expired.expires_at)
    assert identity_slots() == {"email_sha256": 1}
    assert differences(expired.expires_at) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_late_confirmation_takes_the_identities_again(kind: str, billo: Brand, at: datetime) -> None:
    offer = create_once(kind, billo)
    expired = reserve(offer, at, identities=BOTH)
    services.release_expired(at=expired.expires_at)
    assert identity_slots() == {}

    services.confirm(redemption=expired, at=expired.expires_at, by=Actor.SERVER)

    assert identity_slots() == {"email_sha256": 1, "phone_sha256": 1}
    with pytest.raises(ONCE[kind][1]):
        reserve(offer, expired.expires_at, identities=PHONE)
    assert differences(expired.expires_at) == []


@pytest.mark.parametrize("kind", COUNTED)
def test_no_identity_exceeds_a_limit_of_several_uses(kind: str, billo: Brand, at: datetime) -> None:
    offer = create_offer(kind, billo, **{COUNTED[kind]: 2})
    for _ in range(2):
        reserve(offer, at, identities=EMAIL)

    with pytest.raises(UsageLimitPerCustomer):
        reserve(offer, at, identities=EMAIL)
    offer = change_limits(offer, at, **{COUNTED[kind]: 3})
    assert reserve(offer, at, identities=EMAIL).discount_total == 1_000
    offer = change_limits(offer, at, **{COUNTED[kind]: 1})
    with pytest.raises(UsageLimitPerCustomer):
        reserve(offer, at, identities=EMAIL)

    assert identity_slots() == {"email_sha256": 3}
    assert differences(at) == []


@pytest.mark.parametrize("kind", COUNTED)
def test_a_limit_per_customer_that_is_set_late_counts_identities(kind: str, billo: Brand, at: datetime) -> None:
    offer, who = create_offer(kind, billo), create_shopper()
    first = reserve(offer, at, who, identities=BOTH)
    reserve(offer, at, identities=EMAIL)

    offer = change_limits(offer, at, **{COUNTED[kind]: 2})

    with pytest.raises(UsageLimitPerCustomer):
        reserve(offer, at, identities=EMAIL)
    assert identity_slots() == {"email_sha256": 2, "phone_sha256": 1}
    assert reserve(offer, at, identities=PHONE).discount_total == 1_000
    assert reserve(offer, at, who).discount_total == 1_000
    services.cancel(redemption=first, at=at)
    assert identity_slots() == {"email_sha256": 1, "phone_sha256": 1}
    assert differences(at) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_late", [False, True])
def test_a_maximum_per_customer_is_one_per_identity(kind: str, is_late: bool, billo: Brand, at: datetime) -> None:
    maximum = {"max_per_customer": {"EUR": 2_000}}
    if kind in ("coupon", "promotion"):  # one identity has several uses
        offer = create_offer(kind, billo, **({} if is_late else maximum))
        others = [reserve(offer, at, identities=EMAIL)]
    else:
        offer, others = create_offer(kind, billo, **({} if is_late else maximum)), []
    who = create_shopper()
    paid = services.confirm(redemption=reserve(offer, at, who, identities=BOTH), at=at, by=Actor.SERVER)
    if is_late:
        offer = change_limits(offer, at, **maximum)

    def left(identities: Identities) -> dict[str, int]:
        taken = Limit.objects.filter(scope="customer_budget:EUR", slot__in=identities.list_slots(billo.pk))
        return {row.slot.partition(":")[0]: 2_000 - row.taken for row in taken}

    assert left(BOTH) == {"email_sha256": 1_000 - 1_000 * len(others), "phone_sha256": 1_000}
    request = RefundRequest(lines=(LineRefund("a", amount=4_000),))
    services.return_redemption(redemption=paid, request=request, at=at)
    assert left(BOTH) == {"email_sha256": 1_400 - 1_000 * len(others), "phone_sha256": 1_400}
    assert differences(at) == []
    services.return_redemption(redemption=paid, request=RefundRequest(), at=at)
    assert left(BOTH) == {"email_sha256": 2_000 - 1_000 * len(others), "phone_sha256": 2_000}
    assert differences(at) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_amended_order_keeps_its_identities(kind: str, billo: Brand, at: datetime) -> None:
    offer, who = create_once(kind, billo, max_per_customer={"EUR": 5_000}), create_shopper()
    redemption = services.confirm(redemption=reserve(offer, at, who, identities=BOTH), at=at, by=Actor.SERVER)

    def amend(price: int, identities: Identities, terms: AmendmentTerms = AmendmentTerms.ORIGINAL) -> None:
        request = replace(build_request(offer, who, at, price=price), identities=identities)
        options = AmendmentOptions(terms)
        services.amend(redemption=redemption, request=request, options=options, at=at, acceptance=ALL_BRANDS)

    amend(15_000, Identities())
    amend(20_000, BOTH)
    amend(20_000, BOTH, AmendmentTerms.CURRENT)
    for other in (EMAIL, OTHERS):
        with pytest.raises(InvalidRequest) as refused:
            amend(15_000, other)
        assert [error["field"] for error in refused.value.errors or []] == ["identities"]

    budget = Limit.objects.filter(scope="customer_budget:EUR").values_list("taken", flat=True)
    assert list(budget) == [2_000, 2_000, 2_000]
    assert set(identity_slots()) == {"email_sha256", "phone_sha256"}
    with pytest.raises(ONCE[kind][1]):
        reserve(offer, at, identities=PHONE)
    assert differences(at) == []


def test_an_offer_that_an_amendment_adds_takes_the_identities(billo: Brand, at: datetime) -> None:
    who = create_shopper()
    kept, added = create_offer("promotion", billo), DiscountCodeFactory(text="TWO", brand=billo)
    redemption = services.confirm(redemption=reserve(kept, at, who, identities=EMAIL), at=at, by=Actor.SERVER)
    request = build_request(kept, who, at)

    def amend(*codes: str) -> None:
        options = AmendmentOptions(AmendmentTerms.CURRENT, codes=codes)
        services.amend(redemption=redemption, request=request, options=options, at=at, acceptance=ALL_BRANDS)

    def reasons() -> list[str]:
        asked = replace(request, codes=("TWO",), identities=EMAIL)
        priced = services.quote(request=asked, shopper=create_shopper(), at=at, acceptance=ALL_BRANDS)
        return [rejection.reason["code"] for rejection in priced.rejections]

    assert reasons() == []
    amend("TEN", "TWO")
    assert Limit.objects.filter(owner=added.offer_id).values_list("scope", "taken").get() == ("customer_once", 1)
    assert reasons() == ["code_already_used"]
    amend("TEN")
    assert reasons() == []
    assert differences(at) == []


@pytest.mark.parametrize("is_reservation", [True, False])
def test_a_coupon_without_an_order_takes_identities(is_reservation: bool, billo: Brand, at: datetime) -> None:
    coupon = create_once("coupon", billo)
    until = at + timedelta(minutes=15) if is_reservation else None

    def redeem(identities: Identities, at: datetime = at) -> Any:
        request = RedemptionRequest(uuid7(), create_shopper().key, "TEN", until, identities=identities)
        return coupons.redeem(coupon=coupon.pk, request=request, at=at)

    first = redeem(BOTH)
    with pytest.raises(UsageLimitPerCustomer):
        redeem(EMAIL)
    with pytest.raises(UsageLimitPerCustomer):
        reserve(coupon, at, identities=PHONE)
    assert coupon.redemptions.count() == 1
    assert redeem(OTHERS).coupon_id == coupon.pk
    if until:
        assert coupons.release(redemption=first.pk, at=at).status == "released"
        assert redeem(EMAIL).status == "reserved"
        assert redeem(EMAIL, until).status == "reserved"
    else:
        coupons.return_redemption(redemption=first.pk, at=at)
        assert redeem(EMAIL).status == "confirmed"
    assert differences(at) == []


def test_brands_can_not_compare_identities(billo: Brand, at: datetime) -> None:
    cake = BrandFactory(slug="cake")
    for brand in (billo, cake):
        reserve(create_once("discount_code", brand), at, identities=BOTH)

    slots = set(Limit.objects.values_list("slot", flat=True))
    assert slots == {slot for brand in (billo, cake) for slot in BOTH.list_slots(brand.pk)}
    assert len(slots) == 4
    stored = f"{list(Redemption.objects.values())} {list(OfferUse.objects.values())} {slots}"
    assert not any(value in stored for value in BOTH.sent.values())


def test_an_identity_is_only_that_of_its_name(billo: Brand, at: datetime) -> None:
    offer = create_once("promotion", billo)
    reserve(offer, at, identities=Identities({"device": "x"}))

    assert reserve(offer, at, identities=Identities({"payment": "x"})).discount_total == 1_000
    assert derive_slot("device", "x", billo.pk) != derive_slot("payment", "x", billo.pk)


@pytest.mark.parametrize("kind", KINDS)
def test_the_consistency_check_counts_identities(kind: str, billo: Brand, at: datetime) -> None:
    offer = create_once(kind, billo)
    reserve(offer, at, identities=BOTH)
    email, phone = BOTH.list_slots(billo.pk)
    Limit.objects.filter(slot=email).update(taken=0)

    assert [email in line for line in differences(at)] == [True]
    list(check(at=at, repair=True))
    assert differences(at) == []

    use = OfferUse.objects.get()
    use.counters = [counter for counter in use.counters if counter[1] != phone]
    use.save()
    assert sum("doesn't count " + phone in line for line in differences(at)) == 1
