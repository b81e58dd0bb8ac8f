"""Services of customers' profiles: what a brand's server tells about a customer."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.contracts import Shopper
from accounts.models import Brand, Consent, Customer, CustomerProfile
from accounts.selectors import get_shopper
from accounts.services.customers import get_or_create_customer
from core.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """A consent to marketing emails or its withdrawal, with the text that the customer read, and on which page."""

    granted: bool
    wording: str
    decided_at: datetime
    origin: str = ""


@dataclass(frozen=True, slots=True)
class ProfileFields:
    """The fields of a profile. ``consent`` None leaves the present consent as it is."""

    name: str = ""
    email: str = ""
    language: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    consent: ConsentRecord | None = None


@transaction.atomic
def save_profile(
    *, brand: Brand, customer_id: str, fields: ProfileFields, api_key_id: uuid.UUID | None, at: datetime
) -> tuple[CustomerProfile, bool]:
    """Create or replace a brand's profile of a customer; return it, and whether it was created.

    The same consent is recorded once. The latest one counts, by the time of the decision. Raises InvalidRequest
    (field ``consent.at``) for a consent of the future or another one of the same time.
    """
    named = get_shopper(customer_id, brand_id=brand.pk) or Shopper(None, customer_id)
    shopper = get_or_create_customer(shopper=named)
    values = {"name": fields.name, "email": fields.email, "language": fields.language}
    values |= {"attributes": dict(fields.attributes), "updated_at": at}  # type: ignore[dict-item]
    profile, created = CustomerProfile.objects.select_for_update(of=("self",)).update_or_create(
        brand=brand, customer_id=shopper.key, defaults=values
    )
    if fields.consent is not None:
        _record_consent(profile, fields.consent, api_key_id, at)
    return profile, created


def word_consent(brand: Brand) -> str:
    """Return the text by which the owner of an account consents to the marketing emails of a brand."""
    return _("I want to get emails with offers of %(brand)s. I can unsubscribe at any time.") % {"brand": brand.name}


@transaction.atomic
def record_own_consent(*, brand: Brand, customer: Customer, record: ConsentRecord) -> None:
    """Record what the owner of an account decided about a brand's marketing emails. Repeating it changes nothing."""
    CustomerProfile.objects.bulk_create(
        [CustomerProfile(brand=brand, customer=customer, updated_at=record.decided_at)], ignore_conflicts=True
    )
    profile = CustomerProfile.objects.select_for_update(of=("self",)).get(brand=brand, customer=customer)
    if profile.marketing_consent != record.granted:
        _record_consent(profile, record, None, record.decided_at)


def _record_consent(
    profile: CustomerProfile, record: ConsentRecord, api_key_id: uuid.UUID | None, at: datetime
) -> None:
    if record.decided_at > at:
        raise InvalidRequest.field("consent.at", _("Enter a time that isn't in the future."))
    consent, created = Consent.objects.get_or_create(
        profile=profile,
        decided_at=record.decided_at,
        defaults={
            "granted": record.granted,
            "wording": record.wording,
            "api_key_id": api_key_id,
            "origin": record.origin,
        },
    )
    if not created and (consent.granted, consent.wording) != (record.granted, record.wording):
        raise InvalidRequest.field("consent.at", _("Another consent of this time is recorded."))
    latest = profile.consents.order_by("-decided_at").first()
    if latest is not None and latest.granted != profile.marketing_consent:
        profile.marketing_consent = latest.granted
        profile.save(update_fields=["marketing_consent"])
