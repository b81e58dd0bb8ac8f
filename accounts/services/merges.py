"""Merges of customers: what a brand says of one customer is said of another one from then on."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from accounts.contracts import canonicalize_customer_id
from accounts.errors import CustomerHasAccount, CustomerMerged
from accounts.models import Brand, Consent, Customer, CustomerMerge, CustomerProfile
from accounts.selectors import find_merge_target, lock_customers
from accounts.services.customers import get_or_create_customers
from core.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class RecordedMerge:
    """A merge, with the keys of both customers. ``is_new`` is set if it was not recorded before."""

    merge: CustomerMerge
    source: Customer
    target: Customer
    is_new: bool


@transaction.atomic
def record_merge(*, brand: Brand, source_id: str, target_id: str, at: datetime) -> RecordedMerge:
    """Record that a customer without an account is another one for a brand. Recording it again changes nothing.

    Creates unknown customers, and locks both until the caller's transaction ends. A target that is merged itself stands
    for its own target, and so do customers that were merged into the source. Raises InvalidRequest (one customer),
    CustomerHasAccount and CustomerMerged (the source is merged into another customer).
    """
    names = [canonicalize_customer_id(source_id), canonicalize_customer_id(target_id)]
    keys = get_or_create_customers(customer_ids=names)
    source_key, target_key = (keys[name] for name in names)
    lock_customers([source_key, target_key])
    target_key = find_merge_target(brand_id=brand.pk, customer=target_key)
    if source_key == target_key:
        raise InvalidRequest.field("into", _("This is the same customer."))
    customers = Customer.objects.in_bulk([source_key, target_key])
    source, target = customers[source_key], customers[target_key]
    if source.user_id is not None:
        raise CustomerHasAccount
    merge, is_new = CustomerMerge.objects.get_or_create(
        brand=brand, source=source, defaults={"target": target, "merged_at": at}
    )
    if merge.target_id != target.pk:
        raise CustomerMerged
    CustomerMerge.objects.filter(brand=brand, target=source).update(target=target)
    _move_profile(brand, source, target)
    return RecordedMerge(merge, source, target, is_new)


def _move_profile(brand: Brand, source: Customer, target: Customer) -> None:
    """Make the brand's profile of the source that of the target, or add its consents to the one that the target has.

    Of all consents the latest counts, and the brand writes to one of both only.
    """
    profiles = CustomerProfile.objects.select_for_update().filter(brand=brand, customer__in=[source, target])
    by_customer = {profile.customer_id: profile for profile in profiles.order_by("pk")}
    former, kept = by_customer.get(source.pk), by_customer.get(target.pk)
    if former is None:
        return
    if kept is None:
        CustomerProfile.objects.filter(pk=former.pk).update(customer=target)
        return
    of_same_time = Consent.objects.filter(profile=kept, decided_at=OuterRef("decided_at"))
    Consent.objects.filter(~Exists(of_same_time), profile=former).update(profile=kept)
    latest = kept.consents.order_by("-decided_at").first()
    CustomerProfile.objects.filter(pk=former.pk).update(marketing_consent=False)
    CustomerProfile.objects.filter(pk=kept.pk).update(marketing_consent=latest is not None and latest.granted)
