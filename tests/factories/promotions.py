"""Factories of codes and promotions."""

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from core.ids import uuid7
from pricing import parse_offer
from promotions.eligibility import match_keys, required_subtotal
from promotions.models import Promotion
from redemptions.codes.models import Code
from tests.factories.accounts import BrandFactory


class CodeFactory(DjangoModelFactory[Code]):
    """Code of a discount code."""

    class Meta:
        model = Code

    text = factory.Sequence(lambda n: f"CODE{n}")
    kind = "discount_code"
    offer = factory.LazyFunction(uuid7)
    brand = factory.SubFactory(BrandFactory)


class PromotionFactory(DjangoModelFactory[Promotion]):
    """Active promotion of 10% for everyone, until the end of 2030; pass ``text="SPRING"`` for one with a code."""

    class Meta:
        model = Promotion
        skip_postgeneration_save = True

    class Params:
        percent = "10"
        extra = factory.LazyFunction(dict)

    brand = factory.SubFactory(BrandFactory)
    name = factory.LazyAttribute(lambda promotion: f"{promotion.percent}% off")
    start_date = datetime(2026, 1, 1, tzinfo=UTC)
    end_date = datetime(2030, 12, 31, tzinfo=UTC)
    offer = factory.LazyAttribute(
        lambda promotion: (
            {"benefits": [{"kind": "percent", "value": promotion.percent, "on": "order"}]} | promotion.extra
        )
    )
    currency = factory.LazyAttribute(lambda promotion: promotion.brand.currency)
    decision = "published"
    recorded_status = factory.LazyAttribute(
        lambda promotion: "active" if promotion.decision == "published" else promotion.decision
    )
    match_keys = factory.LazyAttribute(
        lambda promotion: match_keys(parse_offer(promotion.offer), brand=promotion.brand.slug)
    )
    min_subtotal = factory.LazyAttribute(lambda promotion: required_subtotal(parse_offer(promotion.offer)))

    @factory.post_generation
    def text(self, create: bool, text: str | None, **kwargs: object) -> None:
        if text:
            Code.objects.create(text=text, kind="promotion", brand=self.brand, offer=self.pk, **kwargs)
