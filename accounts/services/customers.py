"""Customers: who the data platform and the brands' servers speak of."""

from collections.abc import Collection

from accounts import selectors
from accounts.contracts import Shopper
from accounts.models import Customer


def get_or_create_customer(*, shopper: Shopper) -> Shopper:
    """The shopper with a customer row to point at, made when there is none; any number of callers get the same one."""
    if shopper.id is not None:
        return shopper
    Customer.objects.bulk_create([Customer(customer_id=shopper.customer_id)], ignore_conflicts=True)
    customer = Customer.objects.select_related("user").get(customer_id=shopper.customer_id)
    return selectors.shopper_of(customer)


def get_or_create_customers(*, customer_ids: Collection[str]) -> dict[str, int]:
    """The internal keys of customers by their names; those that the platform has never seen are made.

    In order, so that two who name the same never deadlock.
    """
    names = sorted(set(customer_ids))
    found = dict(Customer.objects.filter(customer_id__in=names).values_list("customer_id", "pk"))
    if missing := [name for name in names if name not in found]:
        Customer.objects.bulk_create([Customer(customer_id=name) for name in missing], ignore_conflicts=True)
        found |= Customer.objects.filter(customer_id__in=missing).values_list("customer_id", "pk")
    return found
