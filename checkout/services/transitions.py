"""Status changes of redemptions. Each locks the redemption first, then what its backends keep of it."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.contracts import NO_GRANTS, Grant
from checkout import selectors
from checkout.contracts import Actor
from checkout.models import Redemption, RedemptionItem
from core import db
from redemptions import identities, purchases
from redemptions.backends import get_backends
from redemptions.contracts import NO_OFFER, Purchase, RedemptionBackend, SelectedOffer
from redemptions.errors import InvalidStatus
from redemptions.events.contracts import EventType
from redemptions.statuses import RedemptionStatus


@transaction.atomic
def cancel(*, redemption: Redemption, at: datetime) -> Redemption:
    """Cancel a reservation whose order won't be paid, and release its items. Repeating it changes nothing.

    An expired reservation stays expired. Raises InvalidStatus for a confirmed or returned redemption.
    """
    locked = selectors.lock_redemption(pk=redemption.pk)
    if locked.status in (RedemptionStatus.RELEASED, RedemptionStatus.EXPIRED):
        return locked
    if locked.status != RedemptionStatus.RESERVED:
        raise InvalidStatus(current_status=locked.status)
    return release(redemption=locked, at=at)


def release(*, redemption: Redemption, at: datetime) -> Redemption:
    """Release the items of a locked reservation. It becomes expired if its time is up, else released."""
    purchases.release(_list_reserved(redemption, at))
    return close(redemption=redemption, at=at)


def close(*, redemption: Redemption, at: datetime) -> Redemption:
    """Set the status of a locked reservation that is released: expired if its time is up, else released."""
    status = RedemptionStatus.EXPIRED if redemption.expires_at <= at else RedemptionStatus.RELEASED
    return set_status_of_items(redemption, status, closed_at=at)


@contextmanager
def as_released(redemption: Redemption | None, at: datetime) -> Iterator[purchases.Purchases]:
    """Run the block as if a locked reservation, if any, was released. Then it is as before, and no limit stays locked.

    So an order can be priced that takes what the reservation has. Yields its items by backend.
    """
    if redemption is None:
        yield []
        return
    items = _list_reserved(redemption, at)
    with db.undone():
        purchases.release(items)
        close(redemption=copy(redemption), at=at)
        yield items


def release_expired(*, at: datetime) -> int:
    """Release all expired reservations and return their number. Concurrent runs share the work.

    Each reservation has a transaction of its own, because limits are locked in order only within one redemption.
    """
    count = 0
    while _release_one(at):
        count += 1
    return count


@transaction.atomic
def _release_one(at: datetime) -> bool:
    redemption = selectors.lock_expired_redemption(at=at)
    if redemption is not None:
        release(redemption=redemption, at=at)
    return redemption is not None


def purchases_by_kind(
    redemption: Redemption,
    items: Iterable[RedemptionItem],
    at: datetime,
    *,
    grants: Mapping[uuid.UUID, Grant] = NO_GRANTS,
) -> list[tuple[RedemptionBackend, Purchase]]:
    """Return each backend with its part of the redemption, in the fixed order in which kinds are locked.

    ``grants`` are those that what is taken counts for; what is released counts for those that it was taken with.
    """
    by_kind: dict[str, list[SelectedOffer]] = {}
    for item in items:
        selected = SelectedOffer(item.key, item.code, item.amount, item.offer_id or NO_OFFER, item.units)
        by_kind.setdefault(item.kind, []).append(selected)
    return [
        (
            backend,
            Purchase(
                id=redemption.pk,
                shopper_key=redemption.customer_id,
                currency=redemption.currency,
                subtotal=redemption.total + redemption.discount_total,
                at=at,
                until=redemption.expires_at,
                items=by_kind[kind],
                identities=identities.load(redemption.identities),
                grants=grants,
                former_keys=redemption.former_customers,
            ),
        )
        for kind, backend in get_backends().items()
        if kind in by_kind
    ]


def _list_reserved(redemption: Redemption, at: datetime) -> list[tuple[RedemptionBackend, Purchase]]:
    return purchases_by_kind(redemption, list(redemption.items.order_by("position")), at)


def set_status(redemption: Redemption, status: RedemptionStatus, *, at: datetime, **fields: Any) -> None:
    """Set the status of a locked redemption with other fields."""
    redemption.status, redemption.updated_at = status, at
    for name, value in fields.items():
        setattr(redemption, name, value)
    redemption.save(update_fields=["status", "updated_at", *fields])


def set_status_of_items(
    redemption: Redemption,
    status: RedemptionStatus,
    *,
    confirmed_at: datetime | None = None,
    confirmed_by: Actor | None = None,
    closed_at: datetime | None = None,
) -> Redemption:
    """Set a status that holds for each item with all of its amount, with the events of the items."""
    db.execute(
        "checkout/sql/set_status.sql",
        {
            "redemption": redemption.pk,
            "status": status.value,
            "type": EventType(f"redemption.{status}").value,
            "confirmed_at": confirmed_at,
            "confirmed_by": confirmed_by,
            "closed_at": closed_at,
        },
    )
    redemption.status = status
    redemption.confirmed_at = confirmed_at or redemption.confirmed_at
    redemption.confirmed_by = confirmed_by or redemption.confirmed_by
    redemption.closed_at = closed_at
    redemption.updated_at = confirmed_at or closed_at or redemption.updated_at
    return redemption
