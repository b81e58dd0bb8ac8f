"""Customers: who the data platform and the brands' servers speak of."""

from accounts import selectors
from accounts.contracts import Shopper
from accounts.models import Customer


def ensure_customer(*, shopper: Shopper) -> Shopper:
    """The shopper with a customer row to point at, made when there is none; any number of callers get the same one."""
    if shopper.id is not None:
        return shopper
    Customer.objects.bulk_create([Customer(customer_id=shopper.customer_id)], ignore_conflicts=True)
    customer = Customer.objects.select_related("user").get(customer_id=shopper.customer_id)
    return selectors.shopper_of(customer)
