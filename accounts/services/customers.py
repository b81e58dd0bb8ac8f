"""Services that create customers of the data platform and of brands' servers."""

from collections.abc import Collection

from accounts import selectors
from accounts.contracts import Shopper, canonicalize_customer_id
from accounts.models import Customer


def get_or_create_customer(*, shopper: Shopper) -> Shopper:
    """Return the shopper with a customer row, creating the row if needed. Concurrent callers get the same row."""
    if shopper.id is not None:
        return shopper
    Customer.objects.bulk_create([Customer(customer_id=shopper.customer_id)], ignore_conflicts=True)
    customer = Customer.objects.select_related("user").get(customer_id=shopper.customer_id)
    return selectors.shopper_of(customer)


def get_or_create_customers(*, customer_ids: Collection[str]) -> dict[str, int]:
    """Return the internal keys of customers by customer ID as it is given, creating missing rows.

    Rows are inserted in sorted order, so that concurrent callers don't deadlock.
    """
    canonical_ids = {customer_id: canonicalize_customer_id(customer_id) for customer_id in customer_ids}
    unique_ids = sorted(set(canonical_ids.values()))
    keys = dict(Customer.objects.filter(customer_id__in=unique_ids).values_list("customer_id", "pk"))
    if missing := [customer_id for customer_id in unique_ids if customer_id not in keys]:
        rows = [Customer(customer_id=customer_id) for customer_id in missing]
        Customer.objects.bulk_create(rows, ignore_conflicts=True)
        keys |= Customer.objects.filter(customer_id__in=missing).values_list("customer_id", "pk")
    return {customer_id: keys[canonical] for customer_id, canonical in canonical_ids.items()}
