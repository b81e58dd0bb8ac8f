"""Factories of test objects: each creates a valid object with as few arguments as possible."""

from tests.factories.accounts import (
    PASSWORD,
    ApiKeyFactory,
    BrandFactory,
    CustomerFactory,
    MembershipFactory,
    ShopperFactory,
    UserFactory,
)
from tests.factories.coupons import CouponFactory
from tests.factories.discounts import DiscountCodeFactory, DiscountRuleFactory
from tests.factories.promotions import CodeFactory, PromotionFactory
from tests.factories.vouchers import CampaignFactory

__all__ = [
    "PASSWORD",
    "ApiKeyFactory",
    "BrandFactory",
    "CampaignFactory",
    "CodeFactory",
    "CouponFactory",
    "CustomerFactory",
    "DiscountCodeFactory",
    "DiscountRuleFactory",
    "MembershipFactory",
    "PromotionFactory",
    "ShopperFactory",
    "UserFactory",
]
