"""Makers of test objects: each gives a valid row with as little as possible said."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import factory
from django.db import transaction
from factory.django import DjangoModelFactory

from accounts.contracts import Role, Scope
from accounts.models import ApiKey, Brand, Customer, Membership, User
from coupons.models import CouponDefinition
from coupons.services.limits import LIMITS
from discounts.models import DiscountCode, DiscountRule
from pricing import parse_offer
from promotions.code_rules import code_digest
from promotions.eligibility import match_keys, required_subtotal
from promotions.models import Code, Promotion
from vouchers import services as voucher_services
from vouchers.models import Campaign

PASSWORD = "demo-pass-1234"


class UserFactory(DjangoModelFactory[User]):
    """Someone who signs in with ``PASSWORD``; no shopper and no staff yet."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = factory.django.Password(PASSWORD)


class CustomerFactory(DjangoModelFactory[Customer]):
    """A customer of the data platform, without a user."""

    class Meta:
        model = Customer

    customer_id = factory.Sequence(lambda n: f"customer-{n}")


class ShopperFactory(UserFactory):
    """A user with a customer."""

    customer = factory.RelatedFactory(CustomerFactory, factory_related_name="user")


class BrandFactory(DjangoModelFactory[Brand]):
    """An active brand in UTC and EUR."""

    class Meta:
        model = Brand

    slug = factory.Sequence(lambda n: f"brand-{n}")
    name = factory.LazyAttribute(lambda brand: brand.slug.replace("-", " ").title())


class MembershipFactory(DjangoModelFactory[Membership]):
    """An owner; ``role=Role.VIEWER`` for less."""

    class Meta:
        model = Membership

    brand = factory.SubFactory(BrandFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.OWNER


class ApiKeyFactory(DjangoModelFactory[ApiKey]):
    """A brand's key; what its server sends is ``key.text``."""

    class Meta:
        model = ApiKey

    class Params:
        text = factory.Sequence(lambda n: f"pk{n:010d}.secret-of-key-{n}")
        internal = factory.Trait(brand=None, scope=Scope.INTERNAL)

    brand = factory.SubFactory(BrandFactory)
    scope = Scope.BRAND
    name = "server"
    prefix = factory.LazyAttribute(lambda key: key.text[:12])
    digest = factory.LazyAttribute(lambda key: hashlib.sha256(key.text.encode()).digest())

    @classmethod
    def _create(cls, model_class: type[ApiKey], *args: object, **kwargs: object) -> ApiKey:
        key = super()._create(model_class, *args, **kwargs)
        key.text = f"{key.prefix}.secret-of-key-{int(key.prefix[2:])}"
        return key


class CodeFactory(DjangoModelFactory[Code]):
    """A string that means a discount code."""

    class Meta:
        model = Code

    text = factory.Sequence(lambda n: f"CODE{n}")
    digest = factory.LazyAttribute(lambda code: code_digest(code.text))
    kind = "discount_code"
    brand = factory.SubFactory(BrandFactory)


class DiscountRuleFactory(DjangoModelFactory[DiscountRule]):
    """Ten per cent for everyone."""

    class Meta:
        model = DiscountRule

    brand = factory.SubFactory(BrandFactory)
    discount = 10


class DiscountCodeFactory(DjangoModelFactory[DiscountCode]):
    """An active code of ten per cent, valid to the end of 2030; ``text="SUMMER"`` names it."""

    class Meta:
        model = DiscountCode

    class Params:
        text = factory.Sequence(lambda n: f"CODE{n}")
        percent = 10
        audience = ""
        terms = factory.LazyFunction(dict)

    brand = factory.SubFactory(BrandFactory)
    code = factory.LazyAttribute(lambda it: CodeFactory(text=it.text, brand=it.brand))
    rule = factory.LazyAttribute(
        lambda it: DiscountRuleFactory(brand=it.brand, discount=it.percent, audience=it.audience, terms=it.terms)
    )
    validity = datetime(2030, 12, 31, tzinfo=UTC)
    created_at = datetime(2026, 1, 1, tzinfo=UTC)


class PromotionFactory(DjangoModelFactory[Promotion]):
    """A running promotion of ten per cent, for everyone, to the end of 2030; ``text="SPRING"``: by code."""

    class Meta:
        model = Promotion
        skip_postgeneration_save = True

    class Params:
        percent = "10"
        extra = factory.LazyFunction(dict)

    brand = factory.SubFactory(BrandFactory)
    name = factory.LazyAttribute(lambda it: f"{it.percent} % off")
    start_date = datetime(2026, 1, 1, tzinfo=UTC)
    end_date = datetime(2030, 12, 31, tzinfo=UTC)
    offer = factory.LazyAttribute(
        lambda it: {"benefits": [{"kind": "percent", "value": it.percent, "on": "order"}]} | it.extra
    )
    currency = factory.LazyAttribute(lambda it: it.brand.currency)
    status = "active"
    match_keys = factory.LazyAttribute(lambda it: match_keys(parse_offer(it.offer), brand=it.brand.slug))
    min_subtotal = factory.LazyAttribute(lambda it: required_subtotal(parse_offer(it.offer)))

    @factory.post_generation
    def text(self, create: bool, text: str | None, **kwargs: object) -> None:
        if text:
            Code.objects.create(
                text=text, digest=code_digest(text), kind="promotion", brand=self.brand, promotion=self, **kwargs
            )


class CampaignFactory(DjangoModelFactory[Campaign]):
    """An open campaign for two vouchers of 30 per cent off top-ups, to the end of 2030."""

    class Meta:
        model = Campaign

    brand = factory.SubFactory(BrandFactory)
    name = factory.Sequence(lambda n: f"Campaign {n}")
    slug = factory.Sequence(lambda n: f"campaign-{n}")
    quota = 2
    start_date = datetime(2026, 1, 1, tzinfo=UTC)
    end_date = datetime(2030, 12, 31, tzinfo=UTC)

    @classmethod
    def _create(cls, model_class: type[Campaign], *args: object, **kwargs: Any) -> Campaign:
        asked = {name: kwargs.pop(name) for name in ("brand", "quota")}
        return voucher_services.create(*args, **asked, fields=kwargs, at=model_class(**kwargs).start_date)


class CouponFactory(DjangoModelFactory[CouponDefinition]):
    """A running coupon of ten per cent, to the end of 2030, without any maximum; its limit is opened as a brand would.

    ``text="SUMMER"``: opened by a code.
    """

    class Meta:
        model = CouponDefinition
        skip_postgeneration_save = True

    class Params:
        percent = "10"
        text = None

    brand = factory.SubFactory(BrandFactory)
    title = factory.LazyAttribute(lambda it: f"{it.percent} % off")
    start_date = datetime(2026, 1, 1, tzinfo=UTC)
    end_date = datetime(2030, 12, 31, tzinfo=UTC)
    offer = factory.LazyAttribute(lambda it: {"benefits": [{"kind": "percent", "value": it.percent, "on": "order"}]})
    currency = factory.LazyAttribute(lambda it: it.brand.currency)
    created_at = datetime(2026, 1, 1, tzinfo=UTC)
    code = factory.LazyAttribute(
        lambda it: CodeFactory(text=it.text, brand=it.brand, kind="coupon") if it.text else None
    )

    @factory.post_generation
    def limit(self, create: bool, extracted: object, **kwargs: object) -> None:
        if self.maximum_number_of_coupons is not None:
            with transaction.atomic():
                LIMITS[self.limit_strategy].open(coupon=self.pk, cap=self.maximum_number_of_coupons)
