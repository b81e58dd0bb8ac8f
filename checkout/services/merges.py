"""Merges of customers: what a brand knows of one customer becomes that of another one."""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F, Func, JSONField, Value

from accounts import services as accounts
from accounts.models import Brand, CustomerMerge
from accounts.selectors import customer_key
from accounts.services import RecordedMerge
from checkout.models import DirtyPurchaseTotal, Redemption, RedemptionItem
from core.errors import Busy
from redemptions.backends import get_backends
from redemptions.codes import services as codes
from redemptions.contracts import CustomerMove
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from redemptions.uses import services as uses
from segments import services as segments


def merge_customers(*, brand: Brand, source_id: str, target_id: str, at: datetime) -> CustomerMerge:
    """Merge a customer without an account into another one, all or nothing, for the offers and orders of a brand.

    Repeating it moves what has come up since. Raises InvalidRequest, CustomerHasAccount, CustomerMerged, and Busy if
    one of the customers gets an offer at the same time.
    """
    try:
        with transaction.atomic():
            _lock_orders(brand.pk, customer_key(source_id))  # before the customers, like every change of an order
            recorded = accounts.record_merge(brand=brand, source_id=source_id, target_id=target_id, at=at)
            _move(recorded, at)
    except IntegrityError as error:  # the target got what the source has
        raise Busy from error
    return recorded.merge


def _lock_orders(brand_id: uuid.UUID, customer: int) -> list[uuid.UUID]:
    """Lock the orders of a customer that the brand's servers sent, in one order. Return their IDs."""
    sent = Redemption.objects.filter(brand=brand_id, customer=customer)
    return list(sent.select_for_update().order_by("pk").values_list("pk", flat=True))


def _move(recorded: RecordedMerge, at: datetime) -> None:
    brand_id, source, target = recorded.merge.brand_id, recorded.source.pk, recorded.target.pk
    move_redemptions(brand_id=brand_id, source=source, target=target, at=at)
    segments.move_customer(brand_id=brand_id, source=source, target=target, at=at)
    if recorded.is_new:
        data = {"from": recorded.source.customer_id}
        append_events([NewEvent(EventType.CUSTOMER_MERGED, at, brand_id, customer=target, data=data)])


def move_redemptions(*, brand_id: uuid.UUID, source: int, target: int, at: datetime) -> None:
    """Make the orders of a customer that a brand's servers sent, and what the customer used, those of another one.

    Orders come first, then what the kinds keep, then uses and limits, in the order in which all lock them.
    """
    orders = _lock_orders(brand_id, source)
    former = Func(F("former_customers"), Value([source], JSONField()), template="%(expressions)s", arg_joiner=" || ")
    Redemption.objects.filter(pk__in=orders).update(customer=target, former_customers=former)
    move = CustomerMove(brand_id, source, target, orders, at)
    alone = [pair for backend in get_backends().values() for pair in backend.move_customer(move=move)]
    items = RedemptionItem.objects.filter(redemption__in=orders, brand=brand_id)
    uses.move_customer(
        move=move,
        redemptions=[*orders, *(redemption for redemption, _ in alone)],
        offers={*(item.offer_id for item in items if item.offer_id), *(offer for _, offer in alone)},
    )
    codes.move_codes(brand_id=brand_id, source=source, target=target)
    DirtyPurchaseTotal.objects.bulk_create(
        DirtyPurchaseTotal(brand_id=brand_id, customer_id=customer) for customer in (source, target)
    )
