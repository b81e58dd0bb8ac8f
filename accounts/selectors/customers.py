"""Reads of customers and the shoppers of purchases."""

import uuid
from collections.abc import Collection

from django.db.models import Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts.contracts import CUSTOMER_ID_LENGTH, Caller, Shopper, canonicalize_customer_id, is_customer_id
from accounts.models import Customer, CustomerMerge
from core.errors import InvalidRequest, PermissionDenied


def shopper_for(*, caller: Caller, customer_id: str | None) -> Shopper:
    """Return the shopper of a purchase: the caller, or the customer that a server names.

    Raises PermissionDenied (another customer, or a caller without a customer) and InvalidRequest (field
    ``customer_id``). An unknown customer has ``id`` None; ``services.get_or_create_customer`` creates the row.
    """
    if caller.is_checkout_server:
        return _named_customer(customer_id, caller.brand_id)
    own = caller.shopper
    if own is None or (customer_id is not None and canonicalize_customer_id(customer_id) != own.customer_id):
        raise PermissionDenied
    return own


def _named_customer(customer_id: str | None, brand_id: uuid.UUID | None) -> Shopper:
    if customer_id is None:
        raise InvalidRequest.field("customer_id", _("`customer_id` is required."), "required")
    check_customer_id(customer_id)
    return get_shopper(customer_id, brand_id=brand_id) or Shopper(None, canonicalize_customer_id(customer_id))


def check_customer_id(customer_id: str) -> None:
    """Raise InvalidRequest (field ``customer_id``) for a text that is no customer ID."""
    if not is_customer_id(customer_id):
        detail = _("Enter 1 to %(max)s printable characters.") % {"max": CUSTOMER_ID_LENGTH}
        raise InvalidRequest.field("customer_id", detail)


def get_shopper(customer_id: str, *, brand_id: uuid.UUID | None = None) -> Shopper | None:
    """Return the shopper with this customer ID, or None if there is no row.

    If a brand has merged this customer into another, the other one is returned for the brand.
    """
    customers = Customer.objects.select_related("user")
    if brand_id is None:
        customer = customers.filter(customer_id=customer_id).first()
    else:
        merges = CustomerMerge.objects.filter(brand=brand_id, source__customer_id=customer_id)
        named = Customer.objects.filter(customer_id=customer_id)
        key = Coalesce(Subquery(merges.values("target")[:1]), Subquery(named.values("pk")[:1]))
        customer = customers.filter(pk=key).first()
    return shopper_of(customer) if customer else None


def find_merge_target(*, brand_id: uuid.UUID, customer: int) -> int:
    """Return the key of the customer that a brand has merged this one into, or the same key."""
    merges = CustomerMerge.objects.filter(brand=brand_id, source=customer)
    return merges.values_list("target", flat=True).first() or customer


def customer_key(customer_id: str) -> int:
    """Return the internal key of a customer ID, or -1, which matches no row."""
    return Customer.objects.filter(customer_id=customer_id).values_list("pk", flat=True).first() or -1


def lock_customer(key: int) -> None:
    """Lock the customer's row against others who lock it, until the transaction ends. Rows can still refer to it."""
    Customer.objects.select_for_update(no_key=True).values_list("pk").get(pk=key)


def lock_customers(keys: Collection[int]) -> None:
    """Lock the rows of customers as ``lock_customer``, in one order, so that concurrent callers don't deadlock."""
    list(Customer.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk").values_list("pk"))


def shopper_of(customer: Customer) -> Shopper:
    """Convert a customer to a shopper."""
    return Shopper(customer.pk, customer.customer_id, customer.user.uuid if customer.user else None)


def list_shoppers(*, count: int) -> list[Caller]:
    """Return the first ``count`` active users with a customer who aren't staff, oldest first."""
    shoppers = Customer.objects.filter(user__is_active=True, user__is_superuser=False, user__memberships=None)
    rows = shoppers.order_by("user").values_list("user__uuid", "user", "pk", "customer_id")[: max(0, count)]
    return [
        Caller(f"user:{user_id}", user_id=user_id, user_key=user, customer_key=customer, customer_id=customer_id)
        for user_id, user, customer, customer_id in rows
    ]
