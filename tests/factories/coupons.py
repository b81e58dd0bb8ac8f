"""Factory of coupons."""

from datetime import UTC, datetime

import factory
from django.db import transaction
from factory.django import DjangoModelFactory

from core.ids import uuid7
from coupons.models import CouponDefinition
from redemptions.limits.strategies import STRATEGIES
from tests.factories.accounts import BrandFactory
from tests.factories.promotions import CodeFactory


class CouponFactory(DjangoModelFactory[CouponDefinition]):
    """Active coupon of 10% without usage limits, until the end of 2030; a usage limit is set up as in the product.

    Pass ``text="SUMMER"`` for a coupon with a code.
    """

    class Meta:
        model = CouponDefinition
        skip_postgeneration_save = True

    class Params:
        percent = "10"
        text = None

    id = factory.LazyFunction(uuid7)
    brand = factory.SubFactory(BrandFactory)
    title = factory.LazyAttribute(lambda coupon: f"{coupon.percent}% off")
    start_date = datetime(2026, 1, 1, tzinfo=UTC)
    end_date = datetime(2030, 12, 31, tzinfo=UTC)
    offer = factory.LazyAttribute(
        lambda coupon: {"benefits": [{"kind": "percent", "value": coupon.percent, "on": "order"}]}
    )
    currency = factory.LazyAttribute(lambda coupon: coupon.brand.currency)
    created_at = datetime(2026, 1, 1, tzinfo=UTC)
    code = factory.LazyAttribute(
        lambda coupon: (
            CodeFactory(text=coupon.text, brand=coupon.brand, kind="coupon", offer=coupon.id).text
            if coupon.text
            else None
        )
    )

    @factory.post_generation
    def limit(self, create: bool, extracted: object, **kwargs: object) -> None:
        if self.maximum_number_of_coupons is not None:
            with transaction.atomic():
                STRATEGIES[self.limit_strategy].open(owner=self.pk, cap=self.maximum_number_of_coupons)
