"""Budgets and limits of offers of every kind: one mechanism, so each test runs for each kind."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.contracts import ALL_BRANDS
from accounts.models import Brand
from accounts.selectors import shopper_of
from checkout import services
from checkout.contracts import Actor, AmendmentOptions
from checkout.refunds import LineRefund, RefundPolicy, RefundRequest
from core.ids import uuid7
from coupons import services as coupons
from coupons.contracts import RedemptionRequest
from coupons.models import CouponRedemption
from discounts.models import Usage
from discounts.services import redeem_code, return_redemption
from promotions.models import PricingProfile
from redemptions.errors import (
    BudgetExhausted,
    CartRequired,
    CurrencyMismatch,
    ReservationExpired,
    UsageLimitPerCustomer,
    UsageLimitReached,
)
from redemptions.lifecycle import offer_models
from redemptions.limits.models import Limit
from redemptions.statuses import RedemptionStatus
from redemptions.uses.consistency import check
from redemptions.uses.models import OfferLimits, OfferUse
from redemptions.uses.selectors import get_budgets_left, get_usage_by_limit
from tests.factories import BrandFactory, ShopperFactory
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
ALONE = ["coupon", "discount_code"]  # kinds that are redeemed without an order, too
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LIMITS: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "budget": ({"budget": 1_500}, BudgetExhausted),
    "per_day": ({"limit_per_day": 1}, UsageLimitReached),
    "per_week": ({"limit_per_week": 1}, UsageLimitReached),
    "per_month": ({"limit_per_month": 1}, UsageLimitReached),
    "units": ({"limit_units": 1}, UsageLimitReached),
}


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


def differences(at: datetime) -> list[str]:
    return list(check(at=at, repair=False))


def test_every_kind_has_budgets_and_limits() -> None:
    assert KINDS == ["coupon", "discount_code", "promotion", "voucher"]
    assert all(issubclass(model, OfferLimits) for model in offer_models())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", LIMITS)
def test_a_reached_limit_rejects_the_next_order_until_it_is_released(
    kind: str, limit: str, billo: Brand, at: datetime
) -> None:
    limits, error = LIMITS[limit]
    offer = create_offer(kind, billo, **limits)

    first = reserve(offer, at)
    with pytest.raises(error):
        reserve(offer, at)
    services.cancel(redemption=first, at=at)

    assert reserve(offer, at).discount_total == 1_000
    assert differences(at) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", LIMITS)
def test_an_expired_reservation_gives_way_at_once_and_can_not_be_confirmed(
    kind: str, limit: str, billo: Brand, at: datetime
) -> None:
    limits, error = LIMITS[limit]
    offer = create_offer(kind, billo, **limits)
    expired = reserve(offer, at)

    late = reserve(offer, expired.expires_at)

    assert late.discount_total == 1_000
    with pytest.raises(ReservationExpired):  # also for a process whose clock is behind
        services.confirm(redemption=expired, at=expired.expires_at - MINUTE, by=Actor.SERVER)
    assert (
        services.confirm(redemption=late, at=expired.expires_at, by=Actor.SERVER).status == RedemptionStatus.CONFIRMED
    )
    services.release_expired(at=expired.expires_at)
    with pytest.raises(error):
        reserve(offer, expired.expires_at)
    assert differences(expired.expires_at) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_that_is_set_late_counts_what_was_used(kind: str, limit: str, billo: Brand, at: datetime) -> None:
    limits, error = LIMITS[limit]
    offer = create_offer(kind, billo)
    before = services.confirm(redemption=reserve(offer, at), at=at, by=Actor.SERVER)

    offer = change_limits(offer, at, **limits)

    with pytest.raises(error):
        reserve(offer, at)
    services.return_redemption(redemption=before, request=RefundRequest(), at=at)
    assert reserve(offer, at).discount_total == 1_000
    assert differences(at) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_can_be_lowered_raised_and_removed(kind: str, billo: Brand, at: datetime) -> None:
    offer = create_offer(kind, billo, limit_per_day=3)
    reserve(offer, at)
    reserve(offer, at)

    offer = change_limits(offer, at, limit_per_day=1)
    with pytest.raises(UsageLimitReached) as reached:
        reserve(offer, at)
    assert reached.value.as_dict()["limit"] == "per_day"
    offer = change_limits(offer, at, limit_per_day=3)
    reserve(offer, at)
    offer = change_limits(offer, at, limit_per_day=None)
    reserve(offer, at)

    assert not Limit.objects.filter(scope="day").exists()
    assert differences(at) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_per_day_begins_again_at_the_brands_midnight(kind: str, billo: Brand, at: datetime) -> None:
    billo.timezone = "Pacific/Kiritimati"  # 14 hours ahead: midnight is at 10:00
    billo.save()
    offer = create_offer(kind, billo, limit_per_day=1)
    midnight = at.replace(hour=10, minute=0, second=0, microsecond=0) + DAY

    reserve(offer, midnight - MINUTE)
    with pytest.raises(UsageLimitReached):
        reserve(offer, midnight - timedelta(microseconds=1))
    assert reserve(offer, midnight).discount_total == 1_000


# --- amounts ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_an_order_gets_no_more_than_the_maximum_per_order(kind: str, billo: Brand, at: datetime) -> None:
    offer = create_offer(kind, billo, max_per_order={"EUR": 300})

    assert quote(offer, at).decision.discount_total == 300
    assert reserve(offer, at, price=2_000).discount_total == 200
    assert reserve(offer, at).discount_total == 300


@pytest.mark.parametrize("kind", KINDS)
def test_a_maximum_per_order_applies_to_partial_refunds(kind: str, billo: Brand, at: datetime) -> None:
    offer = create_offer(kind, billo, max_per_order={"EUR": 300})
    redemption = services.confirm(redemption=reserve(offer, at), at=at, by=Actor.SERVER)

    refund = services.return_redemption(
        redemption=redemption, request=RefundRequest(lines=(LineRefund("a", amount=5_000),)), at=at
    )

    assert refund.redemption.items.get().returned_amount == 150


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", ["budget", "max_per_order", "max_per_customer"])
def test_amounts_never_cross_currencies(kind: str, field: str, billo: Brand, at: datetime) -> None:
    offer = create_offer(kind, billo, **{field: 100_000 if field == "budget" else {"EUR": 100_000}})

    assert reserve(offer, at).discount_total == 1_000
    with pytest.raises(CurrencyMismatch) as mismatch:
        reserve(offer, at, currency="GBP")
    assert mismatch.value.as_dict()["offer_currencies"] == ["EUR"]


@pytest.mark.parametrize("kind", ["promotion"])  # the other kinds give a customer one use, or count them
def test_a_customer_gets_no_more_than_the_maximum_per_customer(kind: str, billo: Brand, at: datetime) -> None:
    offer, who = create_offer(kind, billo, max_per_customer={"EUR": 1_500}), create_shopper()

    first = services.confirm(redemption=reserve(offer, at, who), at=at, by=Actor.SERVER)
    with pytest.raises(UsageLimitPerCustomer):
        reserve(offer, at, who)
    assert reserve(offer, at, who, price=5_000).discount_total == 500
    with pytest.raises(UsageLimitPerCustomer):
        reserve(offer, at, who, price=1_000)
    assert reserve(offer, at).discount_total == 1_000  # of another customer
    services.return_redemption(redemption=first, request=RefundRequest(), at=at)

    assert reserve(offer, at, who).discount_total == 1_000
    assert differences(at) == []


def test_a_coupon_gives_the_rest_of_a_customers_maximum_where_budgets_pay_parts(billo: Brand, at: datetime) -> None:
    PricingProfile.objects.create(brand=billo, budget_overrun="partial")
    offer, who = create_offer("coupon", billo, max_per_customer={"EUR": 1_500}), create_shopper()

    assert reserve(offer, at, who).discount_total == 1_000
    assert reserve(offer, at, who).discount_total == 500


@pytest.mark.parametrize("kind", KINDS)
def test_refunds_and_amendments_follow_the_budget(kind: str, billo: Brand, at: datetime) -> None:
    offer, who = create_offer(kind, billo, budget=2_000), create_shopper()
    redemption = services.confirm(redemption=reserve(offer, at, who), at=at, by=Actor.SERVER)

    def left() -> int:
        return get_budgets_left(offers=[offer.limits])[offer.offer_key]["EUR"]

    assert left() == 1_000
    request = build_request(offer, who, at, price=15_000)
    services.amend(redemption=redemption, request=request, options=AmendmentOptions(), at=at, acceptance=ALL_BRANDS)
    assert left() == 500
    request = build_request(offer, who, at, price=21_000)
    with pytest.raises(BudgetExhausted):
        services.amend(redemption=redemption, request=request, options=AmendmentOptions(), at=at, acceptance=ALL_BRANDS)
    request = build_request(offer, who, at, price=10_000)
    services.amend(redemption=redemption, request=request, options=AmendmentOptions(), at=at, acceptance=ALL_BRANDS)
    assert left() == 1_000
    services.return_redemption(
        redemption=redemption, request=RefundRequest(lines=(LineRefund("a", amount=4_000),)), at=at
    )
    assert left() == 1_400
    services.return_redemption(redemption=redemption, request=RefundRequest(), at=at)
    assert left() == 2_000
    assert differences(at) == []


# --- units of goods ---------------------------------------------------------------------------------------------------
def units_used(offer: OfferLimits, at: datetime) -> int:
    return get_usage_by_limit(offer=offer.limits, at=at).get("units", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_of_units_is_all_or_nothing(kind: str, billo: Brand, at: datetime) -> None:
    offer = create_offer(kind, billo, limit_units=3)
    reserve(offer, at, quantity=2)

    rejected = quote(offer, at, quantity=2)

    assert rejected.decision.discount_total == 0
    (rejection,) = rejected.decision.rejected
    assert (rejection.code, rejection.members) == ("usage_limit_reached", {"limit": "units", "left": 1})
    with pytest.raises(UsageLimitReached) as reached:
        reserve(offer, at, quantity=2)
    assert reached.value.as_dict().items() >= {"limit": "units", "left": 1}.items()
    assert reserve(offer, at, quantity=1).discount_total == 1_000
    assert units_used(offer, at) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_units_follow_amendments_and_refunds_by_quantity(kind: str, billo: Brand, at: datetime) -> None:
    offer, who = create_offer(kind, billo, limit_units=4), create_shopper()
    redemption = services.confirm(redemption=reserve(offer, at, who, quantity=3), at=at, by=Actor.SERVER)

    def amend(quantity: int) -> None:
        request = build_request(offer, who, at, quantity=quantity)
        services.amend(redemption=redemption, request=request, options=AmendmentOptions(), at=at, acceptance=ALL_BRANDS)

    def refund(**line: int) -> None:
        request = RefundRequest(lines=(LineRefund("a", **line),))
        services.return_redemption(redemption=redemption, request=request, at=at)

    with pytest.raises(UsageLimitReached):
        amend(5)
    amend(4)
    assert units_used(offer, at) == 4
    amend(3)
    assert units_used(offer, at) == 3
    refund(quantity=1)
    assert units_used(offer, at) == 2
    refund(amount=500)
    assert units_used(offer, at) == 2
    offer = change_limits(offer, at, limit_units=None)
    offer = change_limits(offer, at, limit_units=4)  # counts what is left of the order
    assert units_used(offer, at) == 2
    services.return_redemption(redemption=redemption, request=RefundRequest(), at=at)
    assert units_used(offer, at) == 0
    assert differences(at) == []


@pytest.mark.parametrize(("policy", "kept"), [(RefundPolicy.KEEP, 3), (RefundPolicy.RECOMPUTE, 2)])
def test_units_are_those_that_the_offer_discounts(policy: RefundPolicy, kept: int, billo: Brand, at: datetime) -> None:
    """Of three shoes one is free, with two scarves as a gift. Shoes at the full price come back first."""
    benefits = [
        {"kind": "buy_get", "buy": {"quantity": 2}, "get": {"quantity": 1, "percent": "100"}},
        {"kind": "gift", "sku": "scarf", "quantity": 2},
    ]
    offer = create_offer("promotion", billo, limit_units=6, offer={"benefits": benefits})
    redemption = services.confirm(redemption=reserve(offer, at, quantity=3), at=at, by=Actor.SERVER)
    assert units_used(offer, at) == 3

    request = RefundRequest(lines=(LineRefund("a", quantity=1),), policy=policy)
    services.return_redemption(redemption=redemption, request=request, at=at)
    assert units_used(offer, at) == kept
    services.return_redemption(redemption=redemption, request=RefundRequest(policy=policy), at=at)

    assert units_used(offer, at) == 0
    assert differences(at) == []


@pytest.mark.parametrize("kind", ALONE)
def test_an_offer_with_a_limit_of_units_needs_a_cart(kind: str, billo: Brand, at: datetime) -> None:
    offer = create_offer(kind, billo)
    redeem_alone(offer, at)  # of no units
    offer = change_limits(offer, at, limit_units=1)

    with pytest.raises(CartRequired):
        redeem_alone(offer, at)
    assert reserve(offer, at).discount_total == 1_000
    assert differences(at) == []


# --- without an order -------------------------------------------------------------------------------------------------
def redeem_alone(offer: Any, at: datetime, **more: Any) -> Any:
    """Redeem a discount code or a coupon for a new customer, without an order."""
    customer = ShopperFactory().customer
    if offer.offer_kind == "discount_code":
        return redeem_code(code="TEN", shopper=shopper_of(customer), amount=None, currency=None, at=at)
    request = RedemptionRequest(uuid7(), customer.pk, "TEN", **more)
    return coupons.redeem(coupon=offer.pk, request=request, at=at)


@pytest.mark.parametrize("kind", ALONE)
@pytest.mark.parametrize("limit", ["limit_per_day", "limit_per_week", "limit_per_month"])
def test_a_limit_counts_redemptions_with_and_without_orders(kind: str, limit: str, billo: Brand, at: datetime) -> None:
    offer = create_offer(kind, billo, **{limit: 2})

    redeem_alone(offer, at)
    reserve(offer, at)

    with pytest.raises(UsageLimitReached):
        redeem_alone(offer, at)
    with pytest.raises(UsageLimitReached):
        reserve(offer, at)
    model: Any = {"coupon": CouponRedemption, "discount_code": Usage}[kind]
    assert model.objects.count() == 2
    assert differences(at) == []


def test_a_discount_code_has_a_total_limit(billo: Brand, at: datetime) -> None:
    offer = create_offer("discount_code", billo, limit_total=1)
    usage = redeem_alone(offer, at)

    with pytest.raises(UsageLimitReached) as reached:
        redeem_alone(offer, at)
    assert reached.value.as_dict()["limit"] == "total"
    return_redemption(usage_id=usage.id, brand_id=billo.pk, at=at)

    redeem_alone(offer, at)
    assert get_usage_by_limit(offer=offer.limits, at=at) == {"total": 1}
    assert differences(at) == []


@pytest.mark.parametrize("kind", ALONE)
def test_a_late_limit_counts_redemptions_without_orders(kind: str, billo: Brand, at: datetime) -> None:
    offer = create_offer(kind, billo)
    redemption = redeem_alone(offer, at)

    offer = change_limits(offer, at, limit_per_day=1)

    with pytest.raises(UsageLimitReached):
        redeem_alone(offer, at)
    if kind == "coupon":
        coupons.return_redemption(redemption=redemption.pk, at=at)
    else:
        return_redemption(usage_id=redemption.id, brand_id=billo.pk, at=at)
    redeem_alone(offer, at)
    assert differences(at) == []


def test_a_reserved_coupon_gives_way_when_it_expires(billo: Brand, at: datetime) -> None:
    offer = create_offer("coupon", billo, limit_per_day=1)
    held = redeem_alone(offer, at, reserved_until=at + MINUTE)

    with pytest.raises(UsageLimitReached):
        redeem_alone(offer, at)
    redeem_alone(offer, at + MINUTE)

    with pytest.raises(ReservationExpired):
        coupons.confirm(redemption=held.pk, at=at + MINUTE)
    coupons.expire_due(at=at + MINUTE)
    assert OfferUse.objects.count() == 1
    assert differences(at + MINUTE) == []


def test_a_reserved_coupon_is_confirmed_and_released(billo: Brand, at: datetime) -> None:
    offer = create_offer("coupon", billo, limit_per_day=2)
    kept, dropped = (redeem_alone(offer, at, reserved_until=at + MINUTE) for _ in range(2))

    coupons.confirm(redemption=kept.pk, at=at)
    coupons.release(redemption=dropped.pk, at=at)

    assert OfferUse.objects.get().reserved_until is None
    assert get_usage_by_limit(offer=offer.limits, at=at) == {"day": 1}


@pytest.mark.parametrize("kind", ALONE)
@pytest.mark.parametrize("field", ["budget", "max_per_order", "max_per_customer"])
def test_an_offer_with_a_maximum_amount_needs_a_cart(kind: str, field: str, billo: Brand, at: datetime) -> None:
    offer = create_offer(kind, billo, **{field: 1_000 if field == "budget" else {"EUR": 1_000}})

    with pytest.raises(CartRequired):
        redeem_alone(offer, at)
    assert reserve(offer, at).discount_total == 1_000


# --- consistency ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_counter_is_found_and_repaired(kind: str, billo: Brand, at: datetime) -> None:
    offer = create_offer(kind, billo, limit_per_day=5)
    reserve(offer, at)
    Limit.objects.filter(scope="day").update(taken=3)

    (line,) = check(at=at, repair=True)

    assert line == (f"{kind} {offer.offer_key}: day 2027-03-17 shard 0 is 3 of 5, but redemptions took 1: repaired")
    assert Limit.objects.get(scope="day").taken == 1
