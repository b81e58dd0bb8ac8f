"""Orders of customers who are erased: what describes the person goes, and the sums, lines and uses stay."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet

from checkout.models import Redemption, RedemptionItem
from core.privacy import ErasedPeople, replace_texts
from redemptions.uses import services as uses

CHUNK = 500  # orders that are read at a time
_FIELDS = ("identities", "cart", "record", "metadata", "external_id")
Json = dict[str, Any]


def erase_orders(people: ErasedPeople) -> None:
    """Erase attributes, identities, metadata and external IDs of the orders of customers, and their texts in carts.

    Refunds of such an order price the rest of it without the attributes of the customer.
    """
    orders = Redemption.objects.filter(customer__in=people.replaced)
    if people.brand is not None:
        orders = orders.filter(brand=people.brand)
    for chunk in _iter_locked(orders):
        items = RedemptionItem.objects.filter(redemption__in=chunk)
        offers = {offer for offer in items.values_list("offer_id", flat=True) if offer is not None}
        slots = uses.erase_identities(redemptions=[order.pk for order in chunk], offers=offers)
        for order in chunk:
            order.identities = _replace_slots(order.identities, slots.get(order.pk, {}))
            order.cart = _erase_cart(order.cart, people.texts)
            order.record = _erase_record(order.record)
            order.metadata, order.external_id = {}, ""
        Redemption.objects.bulk_update(chunk, _FIELDS)
        if people.brand is not None:
            uses.forget_customer(customers=people.customers, offers=offers)


def _iter_locked(orders: QuerySet[Redemption]) -> Iterator[list[Redemption]]:
    """Lock and yield the orders in chunks, by their keys."""
    last = uuid.UUID(int=0)
    while chunk := list(orders.select_for_update().filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def _replace_slots(identities: Mapping[str, list[str]], slots: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the identities of an order by brand with the slots that replace them. Those without a use are left out."""
    kept = {brand: [slots[name] for name in names if name in slots] for brand, names in identities.items()}
    return {brand: names for brand, names in kept.items() if names}


def _erase_cart(cart: Json, texts: Mapping[str, str]) -> Json:
    """Return a cart without attributes of the customer. In those of the cart and its lines, texts are replaced."""
    erased = {name: value for name, value in cart.items() if name != "customer_attributes"}
    if "attributes" in erased:
        erased["attributes"] = replace_texts(erased["attributes"], texts)
    erased["lines"] = [
        line | ({"attributes": replace_texts(line["attributes"], texts)} if "attributes" in line else {})
        for line in cart.get("lines", [])
    ]
    return erased


def _erase_record(record: Json) -> Json:
    """Return a price record without the attributes that brands stored of the customer."""
    facts = {
        brand: {name: value for name, value in known.items() if name != "attributes"}
        for brand, known in record.get("facts", {}).items()
    }
    return record | ({"facts": facts} if facts else {})
