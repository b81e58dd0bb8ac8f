"""Questions about redemptions; writes nothing. What locks says so."""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accounts.contracts import Caller
from checkout.models import LIVE, Backtest, Redemption, RedemptionItem, Status
from core import money
from core.errors import NotFound, PermissionDenied


def lock(*, pk: uuid.UUID) -> Redemption:
    """The redemption, locked until the transaction ends."""
    return _locking().get(pk=pk)


def lock_live(*, brand_id: uuid.UUID | None, customer_key: int, order: str) -> Redemption | None:
    """The one live redemption of an order, locked: of a brand when its server asked, else of the shopper."""
    whose = {"brand_id": brand_id} if brand_id else {"brand": None, "customer_id": customer_key}
    return _locking().filter(order=order, status__in=LIVE, **whose).first()


def _locking() -> QuerySet[Redemption]:
    """Redemptions that are locked as they are read, with the customers that answers name."""
    return Redemption.objects.select_for_update(of=("self",)).select_related("customer")


def lock_expired(*, at: datetime) -> Redemption | None:
    """The reservation that is longest overdue, locked; those that another works on are passed over."""
    expired = Redemption.objects.filter(status=Status.RESERVED, expires_at__lte=at).order_by("expires_at")
    return expired.select_for_update(of=("self",), skip_locked=True).first()


def placed_orders(*, customer_key: int, brand_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many confirmed orders the shopper has with each brand: those its server sent, and those with an offer of
    its.
    """
    found = Redemption.objects.filter(customer_id=customer_key, status=Status.CONFIRMED)
    counts = found.aggregate(
        **{
            brand_id.hex: Count(
                "pk", distinct=True, filter=Q(brand_id=brand_id) | Q(brand=None, items__brand_id=brand_id)
            )
            for brand_id in brand_ids
        }
    )
    return {brand_id: counts[brand_id.hex] for brand_id in brand_ids}


def list_visible(*, caller: Caller, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[Redemption]:
    """The redemptions that a caller may read: a shopper's own, a brand's own, all with ``brand_ids`` None."""
    return Redemption.objects.all() if brand_ids is None else Redemption.objects.filter(_owned_by(caller, brand_ids))


def _owned_by(caller: Caller, brand_ids: Collection[uuid.UUID]) -> Q:
    theirs = Q(brand_id__in=brand_ids)
    return theirs if caller.customer_key is None else theirs | Q(customer_id=caller.customer_key)


def get_visible(*, pk: uuid.UUID, caller: Caller, brand_ids: Collection[uuid.UUID] | None) -> Redemption:
    """A redemption that the caller may read. Raises NotFound."""
    found = list_visible(caller=caller, brand_ids=brand_ids).select_related("customer").filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def for_caller(
    *, pk: uuid.UUID, caller: Caller, readable: Collection[uuid.UUID] | None, editable: Collection[uuid.UUID] | None
) -> Redemption:
    """A redemption that the caller may confirm or cancel: their brand's, or a shopper's own without a brand.

    Raises NotFound for what they may not even read, PermissionDenied for what they may only read.
    """
    found = get_visible(pk=pk, caller=caller, brand_ids=readable)
    theirs = editable is None or found.brand_id in editable
    if theirs or (found.brand_id is None and found.customer_id == caller.customer_key):
        return found
    raise PermissionDenied


def for_refund(
    *, pk: uuid.UUID, caller: Caller, readable: Collection[uuid.UUID] | None, editable: Collection[uuid.UUID] | None
) -> Redemption:
    """A redemption that the caller may refund: never the shopper, who would use a code again and again.

    Of an order that a shopper brought themselves, the brand whose offers it took, when they are all its own.
    """
    if readable is None:
        found = Redemption.objects.filter(pk=pk).first()
    else:
        shopper_made = Q(brand=None, items__brand_id__in=readable)
        found = Redemption.objects.filter(_owned_by(caller, readable) | shopper_made, pk=pk).distinct().first()
    if found is None:
        raise NotFound
    brands = {found.brand_id} if found.brand_id else set(found.items.values_list("brand_id", flat=True))
    if editable is None or (brands and brands <= set(editable)):
        return found
    raise PermissionDenied


def line_discounts(redemption: Redemption) -> dict[str, int]:
    """The discount's share of each line, in minor units, as the quote kept them."""
    return {line["id"]: money.parse(line["discount"], redemption.currency) for line in redemption.quote["lines"]}


def refunded_lines(redemption: Redemption) -> dict[str, int]:
    """The lines refunded so far, with the share each gave up."""
    return {refunded.line: refunded.discount for refunded in redemption.refunded_lines.all()}


# --- carts of the past -----------------------------------------------------------------------------------------------
def list_confirmed(*, brand_id: uuid.UUID, start: uuid.UUID, end: uuid.UUID, limit: int) -> list[Redemption]:
    """The brand's first confirmed redemptions with ids from ``start`` to before ``end``, oldest first.

    Those of its server, and those that shoppers brought themselves with offers of this brand alone. Two queries, each
    along its own index.
    """
    items = RedemptionItem.objects.filter(redemption=OuterRef("pk"))
    alone = Q(Exists(items.filter(brand=brand_id)), ~Exists(items.exclude(brand=brand_id)), brand=None)
    period = Redemption.objects.filter(pk__gte=start, pk__lt=end, status=Status.CONFIRMED).order_by("pk")
    found = [*period.filter(brand=brand_id)[:limit], *period.filter(alone)[:limit]]
    return sorted(found, key=lambda it: it.pk)[:limit]


def lock_backtest(*, pk: uuid.UUID) -> Backtest | None:
    """A backtest, locked until the transaction ends; None when another works on it."""
    rows = Backtest.objects.select_for_update(of=("self",), skip_locked=True).select_related("brand")
    return rows.filter(pk=pk).first()


def earlier_orders(*, redemption: Redemption, brand_id: uuid.UUID) -> int:
    """How many confirmed orders the shopper had with the brand before this one."""
    found = Redemption.objects.filter(customer_id=redemption.customer_id, status=Status.CONFIRMED, pk__lt=redemption.pk)
    mine = Q(brand=brand_id) | Q(brand=None, items__brand=brand_id)
    return found.filter(mine).values("pk").distinct().count()
