"""Limits and budgets of promotions at checkout."""

import hashlib
import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.models import Brand
from checkout import services
from checkout.contracts import Actor, QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from checkout.refunds import RefundRequest
from core import money
from core.errors import DomainError
from pricing import Cart, Line
from promotions.models import PricingProfile, Promotion
from promotions.services import start_due, update_promotion
from redemptions.codes.models import Code
from redemptions.errors import (
    BudgetExhausted,
    CodeAlreadyUsed,
    CodeExpired,
    ConditionNotMet,
    ReservationExpired,
    UsageLimitPerCustomer,
    UsageLimitReached,
)
from redemptions.limits.models import Limit
from redemptions.limits.selectors import find_wrong_caps
from redemptions.statuses import RedemptionStatus
from redemptions.uses.consistency import check
from redemptions.uses.models import OfferUse
from segments.services import apply_audience
from tests.factories import BrandFactory, CustomerFactory, PromotionFactory

pytestmark = pytest.mark.django_db
ORDERS = itertools.count(1)


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


def shopper() -> Shopper:
    customer = CustomerFactory()
    return Shopper(customer.pk, customer.customer_id)


def request(brand: Brand, *codes: str, price: int = 10_000, sku: str = "shoe", currency: str = "EUR") -> QuoteRequest:
    line = Line(id="a", sku=sku, quantity=1, unit_price=price, brand=brand.slug)
    cart = Cart(currency=currency, exponent=money.decimals(currency), lines=(line,))
    return QuoteRequest(cart, codes, shop=brand.slug)


def reserve(brand: Brand, at: datetime, *codes: str, who: Shopper | None = None, **more: Any) -> Redemption:
    order = more.pop("order", None) or str(next(ORDERS))
    quote_request = request(
        brand, *codes, **{name: more.pop(name) for name in ("price", "sku", "currency") if name in more}
    )
    fingerprint = hashlib.sha256(repr(quote_request).encode()).digest()
    return services.reserve(
        request=quote_request,
        options=RedemptionOptions(order, brand.pk, fingerprint, **more),
        shopper=who or shopper(),
        at=at,
        acceptance=ALL_BRANDS,
    )


def quoted(brand: Brand, at: datetime, *codes: str, who: Shopper | None = None, **more: Any) -> services.Quote:
    return services.quote(request=request(brand, *codes, **more), shopper=who, at=at, acceptance=ALL_BRANDS)


def reasons(quote: services.Quote) -> list[str]:
    return [rejection.reason["code"] for rejection in quote.rejections]


# --- eligibility ------------------------------------------------------------------------------------------------------
def test_an_automatic_promotion_without_limits_records_its_redemptions(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo)

    redemption = reserve(billo, at)

    assert redemption.discount_total == 1_000
    assert OfferUse.objects.get(offer_id=promotion.pk, is_lapsed=False).redemption_id == redemption.pk
    assert not Limit.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"decision": "draft"},
        {"decision": "paused"},
        {"decision": "ended"},
        {"decision": "archived"},
        {"start_date": datetime(2027, 3, 17, 15, 30, 0, 1).astimezone()},
        {"end_date": datetime.fromisoformat("2027-03-17T15:30:00+00:00")},
        {"target_audience": "friends"},
    ],
)
def test_an_automatic_promotion_that_is_not_live_does_not_apply(
    change: dict[str, Any], billo: Brand, at: datetime
) -> None:
    if "start_date" in change:
        change["start_date"] = at + timedelta(microseconds=1)
    PromotionFactory(brand=billo, **change)

    assert quoted(billo, at).decision.discount_total == 0


def test_a_promotion_of_another_brand_does_not_apply(billo: Brand, at: datetime) -> None:
    PromotionFactory()

    assert quoted(billo, at).decision.discount_total == 0


def test_a_promotion_for_an_audience_applies_to_its_segment(billo: Brand, at: datetime) -> None:
    PromotionFactory(brand=billo, target_audience="friends")
    friend, stranger, latecomer = shopper(), shopper(), shopper()
    apply_audience(brand=billo, segment_type="friends", operation="add", customer_ids=[friend.customer_id])
    start_due(at=at)
    apply_audience(brand=billo, segment_type="friends", operation="add", customer_ids=[latecomer.customer_id])

    assert quoted(billo, at, who=friend).decision.discount_total == 1_000
    assert quoted(billo, at, who=stranger).decision.discount_total == 0
    assert quoted(billo, at, who=latecomer).decision.discount_total == 0


def test_only_promotions_that_the_cart_could_satisfy_are_candidates(billo: Brand, at: datetime) -> None:
    def on(**select: list[str]) -> dict[str, Any]:
        return {"benefits": [{"kind": "percent", "value": "10", "on": "order", "select": select}]}

    PromotionFactory(brand=billo, offer=on(skus=["hat"]))
    PromotionFactory(brand=billo, offer=on(categories=["summer"]))
    PromotionFactory(brand=billo, extra={"conditions": [{"kind": "min_subtotal", "value": "200.01"}]})
    near = PromotionFactory(brand=billo, extra={"conditions": [{"kind": "min_subtotal", "value": "200.00"}]})
    shoes = PromotionFactory(brand=billo, offer=on(skus=["shoe"]))

    quote = quoted(billo, at)

    assert {candidate.id for candidate in quote.candidates.values()} == {str(near.pk), str(shoes.pk)}
    assert [best.ref for best in quote.decision.next_best] == [f"promotion:{near.pk}"]


def test_a_promotion_by_code_applies_only_with_its_code(billo: Brand, at: datetime) -> None:
    PromotionFactory(brand=billo, trigger="code", text="SPRING")

    assert quoted(billo, at).decision.discount_total == 0
    assert quoted(billo, at, " spring ").decision.discount_total == 1_000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"decision": "draft"}, "promotion_not_active"),
        ({"decision": "paused"}, "promotion_not_active"),
        ({"decision": "ended"}, "code_expired"),
        ({"end_date": datetime.fromisoformat("2027-03-17T15:30:00+00:00")}, "code_expired"),
        ({"start_date": datetime.fromisoformat("2027-03-17T15:30:01+00:00")}, "code_not_started"),
        ({"target_audience": "friends"}, "audience_not_member"),
    ],
)
def test_a_code_that_cannot_be_redeemed_has_a_reason(
    change: dict[str, Any], reason: str, billo: Brand, at: datetime
) -> None:
    PromotionFactory(brand=billo, trigger="code", text="SPRING", **change)

    assert reasons(quoted(billo, at, "SPRING", who=shopper())) == [reason]


def test_a_code_of_another_customer_is_not_found(billo: Brand, at: datetime) -> None:
    owner = shopper()
    promotion = PromotionFactory(brand=billo, trigger="code", text="MINE")
    Code.objects.filter(offer=promotion.pk).update(customer_id=owner.key)

    assert reasons(quoted(billo, at, "MINE", who=shopper())) == ["code_not_found"]
    assert quoted(billo, at, "MINE", who=owner).decision.discount_total == 1_000


# --- limits -----------------------------------------------------------------------------------------------------------
LIMITED: list[tuple[dict[str, int], type[DomainError], str | None]] = [
    ({"limit_total": 2}, UsageLimitReached, "total"),
    ({"limit_per_day": 2}, UsageLimitReached, "per_day"),
    ({"limit_per_week": 2}, UsageLimitReached, "per_week"),
    ({"limit_per_month": 2}, UsageLimitReached, "per_month"),
    ({"budget": 2_500}, BudgetExhausted, None),
]


@pytest.mark.parametrize(("limit", "error", "name"), LIMITED)
def test_a_reached_limit_is_rejected_until_a_reservation_is_released(
    limit: dict[str, int], error: type[DomainError], name: str | None, billo: Brand, at: datetime
) -> None:
    PromotionFactory(brand=billo, trigger="code", text="SPRING", **limit)
    first, _ = reserve(billo, at, "SPRING"), reserve(billo, at, "SPRING")

    with pytest.raises(error) as raised:
        reserve(billo, at, "SPRING")
    assert raised.value.extensions.get("limit") == name
    assert Redemption.objects.count() == 2

    services.cancel(redemption=first, at=at)
    assert reserve(billo, at, "SPRING").status == RedemptionStatus.RESERVED
    assert OfferUse.objects.filter(is_lapsed=False).count() == 2


def test_a_limit_per_customer_counts_each_customer(billo: Brand, at: datetime) -> None:
    PromotionFactory(brand=billo, trigger="code", text="SPRING", limit_per_user=1)
    customer = shopper()
    reserve(billo, at, "SPRING", who=customer)

    with pytest.raises(UsageLimitPerCustomer):
        reserve(billo, at, "SPRING", who=customer, order="another")

    assert reserve(billo, at, "SPRING").discount_total == 1_000


def test_a_day_starts_at_midnight_in_the_brands_time_zone(at: datetime) -> None:
    saigon = BrandFactory(timezone="Asia/Ho_Chi_Minh")  # 7 hours ahead: its midnight is 17:00 UTC
    PromotionFactory(brand=saigon, trigger="code", text="SPRING", limit_per_day=1)
    before = at.replace(hour=16, minute=59)
    reserve(saigon, before, "SPRING")

    with pytest.raises(UsageLimitReached):
        reserve(saigon, before, "SPRING")

    assert reserve(saigon, at.replace(hour=17, minute=0), "SPRING").discount_total == 1_000


def test_an_automatic_promotion_with_a_reached_limit_does_not_apply(billo: Brand, at: datetime) -> None:
    PromotionFactory(brand=billo, limit_total=1)
    reserve(billo, at)

    redemption = reserve(billo, at)

    assert (redemption.discount_total, redemption.quote["rejected"]) == (0, [])


def test_a_budget_below_the_discount_is_rejected(billo: Brand, at: datetime) -> None:
    PromotionFactory(brand=billo, trigger="code", text="SPRING", budget=999)

    with pytest.raises(BudgetExhausted):
        reserve(billo, at, "SPRING")

    assert reserve(billo, at, "SPRING", price=9_990).discount_total == 999


def test_a_single_use_code_is_redeemed_once(billo: Brand, at: datetime) -> None:
    PromotionFactory(brand=billo, trigger="code", text="UNIQUE", text__single_use=True)
    redemption = reserve(billo, at, "UNIQUE")

    with pytest.raises(CodeAlreadyUsed):
        reserve(billo, at, "UNIQUE")

    services.cancel(redemption=redemption, at=at)
    assert reserve(billo, at, "UNIQUE").discount_total == 1_000


def test_expired_reservations_release_their_units(billo: Brand, at: datetime) -> None:
    PromotionFactory(brand=billo, trigger="code", text="SPRING", limit_total=1)
    reserve(billo, at, "SPRING", ttl_seconds=60)

    services.release_expired(at=at + timedelta(seconds=60))

    assert reserve(billo, at + timedelta(seconds=60), "SPRING").discount_total == 1_000


@pytest.mark.parametrize(
    "limit", [*(limit for limit, _, _ in LIMITED), {"limit_per_user": 2}, {"text__single_use": True}]
)
def test_an_expired_reservation_gives_way_at_once(limit: dict[str, Any], billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="SPRING", **limit)
    customer, expires_at = shopper(), at + timedelta(seconds=60)
    count = 1 if "text__single_use" in limit else 2
    expired = [reserve(billo, at, "SPRING", who=customer, ttl_seconds=60) for _ in range(count)]

    assert quoted(billo, expires_at - timedelta(seconds=1), "SPRING", who=customer).decision.discount_total == 0
    assert quoted(billo, expires_at, "SPRING", who=customer).decision.discount_total == 1_000
    redemption = reserve(billo, expires_at, "SPRING", who=customer)

    assert OfferUse.objects.get(offer_id=promotion.pk, is_lapsed=False).redemption_id == redemption.pk
    counted = sum(row.taken for row in Limit.objects.all())
    assert counted == (0 if "text__single_use" in limit else 1_000 if "budget" in limit else 1)
    for one in expired:
        with pytest.raises(ReservationExpired):
            services.confirm(redemption=one, at=at, by=Actor.SERVER)
    assert services.release_expired(at=expires_at) == count
    assert OfferUse.objects.filter(is_lapsed=False).count() == 1


def test_what_expired_reservations_hold_of_several_shards_is_given_to_one_order(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="SPRING", budget=16_000)  # 16 shards of 10.00
    for _ in range(8):
        reserve(billo, at, "SPRING", price=20_000, ttl_seconds=60)

    with pytest.raises(BudgetExhausted):
        reserve(billo, at, "SPRING", price=10)
    later = at + timedelta(seconds=60)
    assert reserve(billo, later, "SPRING", price=160_000).discount_total == 16_000

    assert sum(Limit.objects.values_list("taken", flat=True)) == 16_000
    assert list(find_wrong_caps(owner=promotion.pk, caps={"budget:EUR": 16_000})) == []


@pytest.mark.parametrize(("returns", "left"), [(True, 1), (False, 0)])
def test_a_refund_restores_usage_if_the_pricing_settings_say_so(
    returns: bool, left: int, billo: Brand, at: datetime
) -> None:
    PricingProfile.objects.create(brand=billo, return_cancelled_uses=returns)
    PromotionFactory(brand=billo, trigger="code", text="SPRING", limit_total=1)
    redemption = services.confirm(redemption=reserve(billo, at, "SPRING"), at=at, by=Actor.SERVER)

    refunded = services.return_redemption(redemption=redemption, request=RefundRequest(), at=at)

    assert refunded.redemption.status == RedemptionStatus.RETURNED
    assert sum(counter.cap - counter.taken for counter in Limit.objects.all()) == left


def test_a_promotion_that_ended_after_the_quote_is_rejected(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="SPRING")
    Promotion.objects.filter(pk=promotion.pk).update(decision="ended")

    with pytest.raises(CodeExpired):
        reserve(billo, at, "SPRING")


# --- shards -----------------------------------------------------------------------------------------------------------
def test_one_customer_can_use_every_unit_of_a_sharded_limit(billo: Brand, at: datetime) -> None:
    PromotionFactory(brand=billo, trigger="code", text="SPRING", limit_total=160)
    customer = shopper()

    for number in range(160):
        reserve(billo, at, "SPRING", who=customer, order=str(number))

    assert Limit.objects.filter(scope="total").count() == 16
    with pytest.raises(UsageLimitReached):
        reserve(billo, at, "SPRING", who=customer, order="last")
    assert sum(counter.cap for counter in Limit.objects.all()) == 160


def test_a_sharded_budget_is_spent_to_the_last_cent(billo: Brand, at: datetime) -> None:
    PromotionFactory(brand=billo, trigger="code", text="SPRING", budget=16_000)  # 16 shards of 10.00

    for _ in range(10):
        reserve(billo, at, "SPRING", price=15_000)  # 15.00 each: more than a shard holds
    reserve(billo, at, "SPRING", price=10_000)

    assert sum(counter.cap - counter.taken for counter in Limit.objects.all()) == 0
    with pytest.raises(BudgetExhausted):
        reserve(billo, at, "SPRING", price=10)


# --- changes of limits ------------------------------------------------------------------------------------------------
def test_a_limit_is_raised_and_lowered(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="SPRING", limit_total=2)
    for _ in range(2):
        reserve(billo, at, "SPRING")

    update_promotion(promotion=promotion, fields={"limit_total": 3}, at=at)
    reserve(billo, at, "SPRING")

    update_promotion(promotion=promotion, fields={"limit_total": 2}, at=at)
    with pytest.raises(UsageLimitReached):
        reserve(billo, at, "SPRING")


@pytest.mark.parametrize("total", [5, 320])
def test_below_its_usage_a_limit_gives_nothing_until_enough_is_released(total: int, billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="SPRING", limit_total=total)
    redemptions = [reserve(billo, at, "SPRING") for _ in range(5)]
    caps = {"total": 3}

    update_promotion(promotion=promotion, fields={"limit_total": 3}, at=at)
    for redemption in redemptions[:2]:
        with pytest.raises(UsageLimitReached):
            reserve(billo, at, "SPRING")
        services.cancel(redemption=redemption, at=at)
        assert list(find_wrong_caps(owner=promotion.pk, caps=caps)) == []
    with pytest.raises(UsageLimitReached):
        reserve(billo, at, "SPRING")

    services.cancel(redemption=redemptions[2], at=at)
    reserve(billo, at, "SPRING")
    with pytest.raises(UsageLimitReached):
        reserve(billo, at, "SPRING")
    update_promotion(promotion=promotion, fields={"limit_total": 4}, at=at)
    reserve(billo, at, "SPRING")
    assert sum(Limit.objects.values_list("taken", flat=True)) == 4
    assert list(find_wrong_caps(owner=promotion.pk, caps={"total": 4})) == []


def test_a_limit_per_customer_that_is_lowered_holds_for_the_next_use(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="SPRING", limit_per_user=5)
    customer = shopper()
    redemptions = [reserve(billo, at, "SPRING", who=customer) for _ in range(3)]

    update_promotion(promotion=promotion, fields={"limit_per_user": 2}, at=at)
    for redemption in redemptions[:2]:
        with pytest.raises(UsageLimitPerCustomer):
            reserve(billo, at, "SPRING", who=customer)
        services.cancel(redemption=redemption, at=at)

    reserve(billo, at, "SPRING", who=customer)
    with pytest.raises(UsageLimitPerCustomer):
        reserve(billo, at, "SPRING", who=customer)


def test_a_limit_that_becomes_large_is_split(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="SPRING", limit_total=3)
    reserve(billo, at, "SPRING")

    update_promotion(promotion=promotion, fields={"limit_total": 163}, at=at)

    assert Limit.objects.filter(scope="total").count() == 16
    assert list(find_wrong_caps(owner=promotion.pk, caps={"total": 163})) == []
    customer = shopper()
    for number in range(162):
        reserve(billo, at, "SPRING", who=customer, order=f"large-{number}")
    with pytest.raises(UsageLimitReached):
        reserve(billo, at, "SPRING", who=customer, order="last")


@pytest.mark.parametrize(
    ("limit", "error"),
    [*((limit, error) for limit, error, _ in LIMITED), ({"limit_per_user": 2}, UsageLimitPerCustomer)],
)
def test_a_limit_that_is_set_later_counts_what_was_used(
    limit: dict[str, int], error: type[DomainError], billo: Brand, at: datetime
) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="SPRING")
    customer = shopper()
    uses = [reserve(billo, at, "SPRING", who=customer) for _ in range(3)]
    services.confirm(redemption=uses[0], at=at, by=Actor.SERVER)

    for fields in (limit, dict.fromkeys(limit), limit):  # set, removed, and set again
        update_promotion(promotion=promotion, fields=fields, at=at)
    for use in uses[1:]:
        assert quoted(billo, at, "SPRING", who=customer).decision.discount_total == 0
        with pytest.raises(error):
            reserve(billo, at, "SPRING", who=customer)
        services.cancel(redemption=use, at=at)

    assert reserve(billo, at, "SPRING", who=customer).discount_total == 1_000
    with pytest.raises(error):
        reserve(billo, at, "SPRING", who=customer)
    assert list(check(at=at, repair=False)) == []


def test_what_was_taken_of_a_removed_limit_is_released_without_effect(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="SPRING", limit_total=2)
    first, second = reserve(billo, at, "SPRING"), reserve(billo, at, "SPRING")

    update_promotion(promotion=promotion, fields={"limit_total": None}, at=at)
    services.cancel(redemption=first, at=at)
    assert not Limit.objects.exists()
    update_promotion(promotion=promotion, fields={"limit_total": 2_000_000_000, "limit_per_day": 5}, at=at)
    assert sum(row.taken for row in Limit.objects.all()) == 2
    services.cancel(redemption=second, at=at)

    assert sum(row.taken for row in Limit.objects.all()) == 0
    assert list(check(at=at, repair=False)) == []


def test_a_daily_limit_that_is_set_later_counts_the_current_day(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="SPRING")
    reserve(billo, at - timedelta(days=1), "SPRING", ttl_seconds=7 * 86_400)

    update_promotion(promotion=promotion, fields={"limit_per_day": 1}, at=at)

    assert reserve(billo, at, "SPRING").discount_total == 1_000
    with pytest.raises(UsageLimitReached):
        reserve(billo, at, "SPRING")


def test_an_offer_for_another_transaction_type_is_rejected(billo: Brand, at: datetime) -> None:
    only = {"conditions": [{"kind": "transaction_type", "any": ["topup"]}]}
    PromotionFactory(brand=billo, trigger="code", text="TOPUP", extra=only)

    with pytest.raises(ConditionNotMet):
        reserve(billo, at, "TOPUP")

    assert not Redemption.objects.exists()
