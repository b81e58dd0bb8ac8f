"""Reads of customers' profiles."""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from accounts.models import Brand, Consent, CustomerProfile, User
from accounts.selectors.customers import get_shopper
from core.errors import NotFound


def list_consents(user: User) -> list[Consent]:
    """Return the latest decision of a user's customer for each brand, by the brand's slug."""
    consents = Consent.objects.filter(profile__customer__user=user).select_related("profile__brand")
    latest = consents.order_by("profile", "-decided_at").distinct("profile")
    return sorted(latest, key=lambda consent: consent.profile.brand.slug)


def get_profile(*, brand: Brand, customer_id: str) -> CustomerProfile:
    """Return a brand's profile of a customer with the consents. Raises NotFound.

    It is that of the customer that the brand has merged this one into, if any.
    """
    shopper = get_shopper(customer_id, brand_id=brand.pk)
    profiles = CustomerProfile.objects.select_related("customer").prefetch_related("consents")
    profile = profiles.filter(brand=brand, customer=shopper.id).first() if shopper else None
    if profile is None:
        raise NotFound
    return profile


def get_customer_attributes(
    *, customer_key: int, brand_ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, Mapping[str, Any]]:
    """Return the attributes that these brands stored of a customer, by brand."""
    profiles = CustomerProfile.objects.filter(customer_id=customer_key, brand_id__in=brand_ids)
    return dict(profiles.values_list("brand_id", "attributes"))
