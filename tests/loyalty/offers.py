"""An active offer of each kind that gives c1 a discount once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Brand, Customer
from redemptions.codes.models import Code
from redemptions.decisions import apply_action, create_offer
from redemptions.lifecycle import Action, OfferLifecycle
from redemptions.uses.services import change_limits
from tests.factories import CampaignFactory, CouponFactory, CustomerFactory, DiscountCodeFactory, PromotionFactory
from tests.loyalty.models import LoyaltyReward
from vouchers.models import Voucher
from vouchers.services import claim

CODE = "ONCE-PER-CUSTOMER"
PERCENT = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}
DATES = {"start_date": datetime(2026, 1, 1, tzinfo=UTC), "end_date": datetime(2030, 12, 31, tzinfo=UTC)}


@dataclass(frozen=True)
class Created:
    """An offer, and what c1 sends to use it."""

    offer: OfferLifecycle
    sent: dict[str, list[str]]


def get_customer() -> Customer:
    customer: Customer | None = Customer.objects.filter(customer_id="c1").first()
    return customer or CustomerFactory(customer_id="c1")


def create(kind: str, brand: Brand) -> Created:
    """Create an active offer of a kind."""
    return _CREATORS[kind](brand)


def _create_promotion(brand: Brand) -> Created:
    offer = PromotionFactory(brand=brand, trigger="code", text=CODE, limit_per_user=1)
    return Created(offer, {"codes": [CODE]})


def _create_coupon(brand: Brand) -> Created:
    offer = CouponFactory(brand=brand, text=CODE, maximum_number_of_coupons_per_user=1)
    return Created(offer, {"codes": [CODE]})


def _create_discount_code(brand: Brand) -> Created:
    return Created(DiscountCodeFactory(brand=brand, text=CODE), {"codes": [CODE]})


def _create_campaign(brand: Brand) -> Created:
    campaign = CampaignFactory(brand=brand, offer=PERCENT)
    claim(campaign=campaign.slug, customer_key=get_customer().pk, at=timezone.now())
    return Created(campaign, {"vouchers": [str(Voucher.objects.get(campaign=campaign).pk)]})


def _create_reward(brand: Brand) -> Created:
    return Created(create_reward(CODE, brand=brand), {"codes": [CODE]})


@transaction.atomic
def create_reward(text: str, *, brand: Brand, **limits: Any) -> LoyaltyReward:
    """Create an active reward with a code."""
    now, currency = timezone.now(), brand.currency
    reward = LoyaltyReward(brand=brand, name="Thank you", currency=currency, created_at=now, **DATES, **limits)
    create_offer(reward, at=timezone.now(), code=text)
    Code.objects.create(text=text, kind="loyalty_reward", brand=brand, offer=reward.pk)
    return reward


@transaction.atomic
def change_reward(reward: LoyaltyReward, limits: Mapping[str, Any], *, at: datetime) -> LoyaltyReward:
    """Change limits of a reward."""
    locked = LoyaltyReward.objects.select_related("brand").select_for_update(of=("self",)).get(pk=reward.pk)
    before = locked.limits
    for name, value in limits.items():
        setattr(locked, name, value)
    change_limits(before=before, after=locked.limits, currency=locked.currency, at=at)
    locked.save()
    return locked


_CREATORS: dict[str, Any] = {
    "promotion": _create_promotion,
    "coupon": _create_coupon,
    "discount_code": _create_discount_code,
    "voucher": _create_campaign,
    "loyalty_reward": _create_reward,
}


def change_decision(offer: OfferLifecycle, action: Action) -> None:
    """Apply an action to an offer, as the service of its kind does."""
    with transaction.atomic():
        locked = type(offer)._default_manager.select_for_update(of=("self",)).get(pk=offer.pk)
        apply_action(locked, action=action, at=timezone.now() + timedelta(seconds=1))
