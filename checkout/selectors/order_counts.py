"""Reads of the numbers of a customer's orders."""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db.models import Count, Q

from checkout.contracts import Actor, OrderCounts, QuoteRequest
from checkout.models import Redemption
from redemptions.reservations import CustomerOfBrand, ReservationCount, count_by_brand
from redemptions.statuses import PAID, UNPAID, RedemptionStatus


def count_orders(
    *, customer_key: int, brand_ids: Collection[uuid.UUID], at: datetime, own: QuoteRequest | None = None
) -> dict[uuid.UUID, OrderCounts]:
    """Return the numbers of the customer's orders by brand, in one query, without the order of the request ``own``.

    An order that only the shopper confirmed may be paid or not, like a reserved one: it is no proof of an order, but no
    first order follows it. An order counts for the brand whose server sent it. One that a shopper or the platform's
    checkout sent counts for each brand with an offer in it.
    """
    orders = Redemption.objects.filter(customer_id=customer_key)
    if own is not None and own.order:
        sender = {"brand__slug": own.shop} if own.shop else {"brand": None, "platform_key": own.platform_key}
        orders = orders.exclude(order=own.order, **sender)
    confirmed_by_shopper = Q(status__in=PAID, confirmed_by=Actor.SHOPPER)
    groups = {
        "placed": Q(status__in=PAID) & ~Q(confirmed_by=Actor.SHOPPER),
        "reserved": Q(status=RedemptionStatus.RESERVED, expires_at__gt=at) | confirmed_by_shopper,
    }
    counts = orders.filter(groups["placed"] | groups["reserved"]).aggregate(
        **{
            f"{name}_{brand_id.hex}": Count("pk", distinct=True, filter=group & _with_brand(brand_id))
            for name, group in groups.items()
            for brand_id in brand_ids
        }
    )
    return {
        brand_id: OrderCounts(**{name: counts[f"{name}_{brand_id.hex}"] for name in groups}) for brand_id in brand_ids
    }


def _with_brand(brand_id: uuid.UUID) -> Q:
    return Q(brand_id=brand_id) | Q(brand=None, items__brand_id=brand_id)


def count_reservations(
    *, customers: Collection[int], since: datetime, at: datetime
) -> dict[CustomerOfBrand, ReservationCount]:
    """Count the reservations that shoppers made themselves, by customer and brand of an offer: those that are live, and
    those that have expired since a time.
    """
    rows = Redemption.objects.filter(
        customer__in=customers, brand=None, platform_key=None, status__in=UNPAID, expires_at__gt=since
    )
    return count_by_brand(rows.filter(items__isnull=False), brand="items__brand", expires="expires_at", at=at)


def count_earlier_orders(*, redemption: Redemption, brand_id: uuid.UUID) -> int:
    """Return the number of orders that the customer had confirmed with the brand before this one."""
    earlier = Redemption.objects.filter(customer_id=redemption.customer_id, status__in=PAID, pk__lt=redemption.pk)
    earlier = earlier.exclude(confirmed_by=Actor.SHOPPER)
    return earlier.filter(_with_brand(brand_id)).values("pk").distinct().count()
