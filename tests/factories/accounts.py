"""Factories of users, customers, brands, memberships and API keys."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import factory
from factory.django import DjangoModelFactory

from accounts.contracts import BRAND_SCOPES, CheckoutBy, Role, Scope
from accounts.models import ApiKey, Brand, Customer, Membership, User
from accounts.services.profiles import ConsentRecord, record_own_consent

PASSWORD = "demo-pass-1234"


class UserFactory(DjangoModelFactory[User]):
    """User with ``PASSWORD`` and a verified address, neither a shopper nor staff."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    email_verified_at = datetime(2020, 1, 1, tzinfo=UTC)
    password = factory.django.Password(PASSWORD)


class CustomerFactory(DjangoModelFactory[Customer]):
    """Customer without a user."""

    class Meta:
        model = Customer

    customer_id = factory.Sequence(lambda n: f"customer-{n}")


class ShopperFactory(UserFactory):
    """User with a customer. With ``consents=True``, they consent to the emails of all brands that exist."""

    customer = factory.RelatedFactory(CustomerFactory, factory_related_name="user")

    @factory.post_generation
    def consents(user: User, create: bool, extracted: Any, **_: Any) -> None:  # type: ignore[misc]  # noqa: N805
        """Record consents to all brands."""
        for brand in Brand.objects.all() if extracted else ():
            record = ConsentRecord(True, "Send me offers.", datetime(2020, 1, 2, tzinfo=UTC))
            record_own_consent(brand=brand, customer=user.customer, record=record)


class BrandFactory(DjangoModelFactory[Brand]):
    """Active brand with the time zone UTC and the currency EUR, which lets shoppers reserve and confirm orders."""

    class Meta:
        model = Brand

    slug = factory.Sequence(lambda n: f"brand-{n}")
    name = factory.LazyAttribute(lambda brand: brand.slug.replace("-", " ").title())
    checkout_by = CheckoutBy.SHOPPER


class MembershipFactory(DjangoModelFactory[Membership]):
    """Membership of an owner; pass ``role=Role.VIEWER`` for a viewer."""

    class Meta:
        model = Membership

    brand = factory.SubFactory(BrandFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.OWNER


class ApiKeyFactory(DjangoModelFactory[ApiKey]):
    """API key of a brand; ``key.text`` is what the server sends."""

    class Meta:
        model = ApiKey

    class Params:
        text = factory.Sequence(lambda n: f"pk{n:010d}.secret-of-key-{n}")
        internal = factory.Trait(brand=None, scopes=[Scope.INTERNAL])
        platform = factory.Trait(brand=None, scopes=[Scope.CHECKOUT])

    brand = factory.SubFactory(BrandFactory)
    scopes = factory.LazyFunction(lambda: list(BRAND_SCOPES))
    name = "server"
    prefix = factory.LazyAttribute(lambda key: key.text[:12])
    digest = factory.LazyAttribute(lambda key: hashlib.sha256(key.text.encode()).digest())

    @classmethod
    def _create(cls, model_class: type[ApiKey], *args: object, **kwargs: object) -> ApiKey:
        key = super()._create(model_class, *args, **kwargs)
        key.text = f"{key.prefix}.secret-of-key-{int(key.prefix[2:])}"
        return key
