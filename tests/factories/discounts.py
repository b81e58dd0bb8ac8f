"""Factories of discount rules and discount codes."""

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from core.ids import uuid7
from discounts import rules
from discounts.models import DiscountCode, DiscountRule
from tests.factories.accounts import BrandFactory
from tests.factories.promotions import CodeFactory


class DiscountRuleFactory(DjangoModelFactory[DiscountRule]):
    """Discount of 10% for everyone."""

    class Meta:
        model = DiscountRule
        django_get_or_create = ("brand", "fingerprint")

    brand = factory.SubFactory(BrandFactory)
    discount = 10
    name = ""
    audience = ""
    terms = factory.LazyFunction(dict)
    offer = None
    fingerprint = factory.LazyAttribute(
        lambda rule: rules.fingerprint(
            name=rule.name, audience=rule.audience, discount=rule.discount, terms=rule.terms, offer=rule.offer
        )
    )


class DiscountCodeFactory(DjangoModelFactory[DiscountCode]):
    """Active discount code of 10%, valid until the end of 2030; pass ``text="SUMMER"`` to name it."""

    class Meta:
        model = DiscountCode

    class Params:
        text = factory.Sequence(lambda n: f"CODE{n}")
        percent = 10
        audience = ""
        terms = factory.LazyFunction(dict)

    brand = factory.SubFactory(BrandFactory)
    offer_id = factory.LazyFunction(uuid7)
    code = factory.LazyAttribute(
        lambda params: CodeFactory(text=params.text, brand=params.brand, offer=params.offer_id).text
    )
    rule = factory.LazyAttribute(
        lambda params: DiscountRuleFactory(
            brand=params.brand, discount=params.percent, audience=params.audience, terms=params.terms
        )
    )
    currency = factory.LazyAttribute(lambda code: code.brand.currency)
    start_date = datetime(2026, 1, 1, tzinfo=UTC)
    end_date = datetime(2030, 12, 31, tzinfo=UTC)
    created_at = datetime(2026, 1, 1, tzinfo=UTC)
