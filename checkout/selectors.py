"""Queries for redemptions and backtests."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accounts import selectors as accounts
from accounts.contracts import Caller
from accounts.models import Brand
from checkout import price_records, rules
from checkout.contracts import OrderCounts, PriceRecord, Quote, QuoteRequest
from checkout.errors import PriceRecordUnreadable
from checkout.models import SHIPPING, Backtest, Redemption, RedemptionItem
from checkout.refunds import LineState, OrderState, ShippingState
from core import money
from core.errors import NotFound, PermissionDenied
from promotions.models import Promotion
from promotions.selectors.promotions import list_for_brands
from redemptions.codes.selectors.codes import list_spellings
from redemptions.lifecycle import status_condition
from redemptions.statuses import LIVE, PAID, OfferDecision, OfferStatus, RedemptionStatus

MAX_PROMOTIONS = 100


# --- locks -----------------------------------------------------------------------------------------------------------
def lock_redemption(*, pk: uuid.UUID) -> Redemption:
    """Return the redemption, locked until the transaction ends."""
    return _locked_rows().get(pk=pk)


def lock_live_redemption(*, brand_id: uuid.UUID | None, customer_key: int, order: str) -> Redemption | None:
    """Return the reserved or confirmed redemption of an order, locked until the transaction ends.

    Without a brand, the order is one that the shopper sent.
    """
    owner = {"brand_id": brand_id} if brand_id else {"brand": None, "customer_id": customer_key}
    return _locked_rows().filter(order=order, status__in=LIVE, **owner).first()


def _locked_rows() -> QuerySet[Redemption]:
    """Return a query that locks redemptions and joins the customers that answers name."""
    return Redemption.objects.select_for_update(of=("self",)).select_related("customer")


def lock_expired_redemption(*, at: datetime) -> Redemption | None:
    """Return the longest expired reservation, locked until the transaction ends. Skips locked rows."""
    expired = Redemption.objects.filter(status=RedemptionStatus.RESERVED, expires_at__lte=at).order_by("expires_at")
    return expired.select_for_update(of=("self",), skip_locked=True).first()


def lock_backtest(*, pk: uuid.UUID) -> Backtest | None:
    """Return the backtest, locked until the transaction ends, or None if another worker has locked it."""
    rows = Backtest.objects.select_for_update(of=("self",), skip_locked=True).select_related("brand")
    return rows.filter(pk=pk).first()


# --- redemptions of callers of the API -------------------------------------------------------------------------------
def list_visible(*, caller: Caller, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[Redemption]:
    """Return the redemptions that a caller may read, with what answers need; ``brand_ids`` None stands for all."""
    rows = Redemption.objects.select_related("customer").prefetch_related("refunded_lines")
    return rows if brand_ids is None else rows.filter(_owned_by(caller, brand_ids))


def filter_redemptions(
    rows: QuerySet[Redemption],
    *,
    order: str = "",
    status: str = "",
    brand: str = "",
    customer_id: str = "",
    code: str = "",
) -> QuerySet[Redemption]:
    """Restrict redemptions to those of an order reference, a status, the slug of a brand, a customer and a code."""
    equal = {"order": order, "status": status, "brand__slug": brand, "customer__customer_id": customer_id}
    rows = rows.filter(**{name: value for name, value in equal.items() if value})
    if not code:
        return rows
    texts = {code, *list_spellings(code).values_list("text", flat=True)}
    return rows.filter(Exists(RedemptionItem.objects.filter(redemption=OuterRef("pk"), code__in=texts)))


def _owned_by(caller: Caller, brand_ids: Collection[uuid.UUID]) -> Q:
    """Return the condition for redemptions of the brands, or of the shopper who calls."""
    of_brands = Q(brand_id__in=brand_ids)
    return of_brands if caller.customer_key is None else of_brands | Q(customer_id=caller.customer_key)


def get_visible(*, pk: uuid.UUID, caller: Caller, brand_ids: Collection[uuid.UUID] | None) -> Redemption:
    """Return a redemption that the caller may read. Raises NotFound."""
    rows = Redemption.objects.select_related("customer").filter(pk=pk)
    redemption = (rows if brand_ids is None else rows.filter(_owned_by(caller, brand_ids))).first()
    if redemption is None:
        raise NotFound
    return redemption


def get_editable(
    *, pk: uuid.UUID, caller: Caller, readable: Collection[uuid.UUID] | None, editable: Collection[uuid.UUID] | None
) -> Redemption:
    """Return a redemption that the caller may confirm or cancel: of the caller's brand, or sent by the shopper.

    Raises NotFound if the caller may not read it, and PermissionDenied if the caller may only read it.
    """
    redemption = get_visible(pk=pk, caller=caller, brand_ids=readable)
    is_editable = editable is None or redemption.brand_id in editable
    if is_editable or (redemption.brand_id is None and redemption.customer_id == caller.customer_key):
        return redemption
    raise PermissionDenied


def get_refundable(
    *, pk: uuid.UUID, caller: Caller, readable: Collection[uuid.UUID] | None, editable: Collection[uuid.UUID] | None
) -> Redemption:
    """Return a redemption that the caller may refund. Shoppers can't refund: they could reuse a code endlessly.

    An order that a shopper sent is refundable by a brand if all of its offers belong to that brand. Raises NotFound and
    PermissionDenied as ``get_editable``.
    """
    rows = Redemption.objects.filter(pk=pk)
    if readable is not None:
        sent_by_shopper = Q(brand=None, items__brand_id__in=readable)
        rows = rows.filter(_owned_by(caller, readable) | sent_by_shopper).distinct()
    redemption = rows.first()
    if redemption is None:
        raise NotFound
    brand_ids = _owner_brand_ids(redemption)
    if editable is None or (brand_ids and brand_ids <= set(editable)):
        return redemption
    raise PermissionDenied


def _owner_brand_ids(redemption: Redemption) -> set[uuid.UUID]:
    if redemption.brand_id:
        return {redemption.brand_id}
    return set(redemption.items.values_list("brand_id", flat=True))


# --- redemptions on admin pages --------------------------------------------------------------------------------------
def list_for_staff(*, brand_ids: Collection[Any] | None, sent_by_shoppers: bool = False) -> QuerySet[Redemption]:
    """Return the redemptions of the brands, newest first: those of servers, or those that shoppers sent.

    ``brand_ids`` None stands for all brands.
    """
    rows = Redemption.objects.order_by("-pk")
    if sent_by_shoppers:
        return rows.filter(_sent_by_shoppers(brand_ids))
    return rows if brand_ids is None else rows.filter(brand__in=brand_ids)


def find_for_staff(*, pk: uuid.UUID, brand_ids: Collection[Any] | None) -> Redemption | None:
    """Return a redemption of the brands, no matter who sent it, or None."""
    rows = Redemption.objects.select_related("brand", "customer")
    if brand_ids is not None:
        rows = rows.filter(Q(brand__in=brand_ids) | _sent_by_shoppers(brand_ids))
    return rows.filter(pk=pk).first()


def search_redemptions(
    rows: QuerySet[Redemption], *, term: str, brand_ids: Collection[Any] | None
) -> QuerySet[Redemption]:
    """Restrict redemptions to those with this order reference or customer ID."""
    of_brands = Brand.objects.values_list("pk", flat=True) if brand_ids is None else brand_ids
    of_order = Q(order=term, brand__in=list(of_brands)) | Q(order=term, brand=None)  # each along its own index
    return rows.filter(of_order | Q(customer=accounts.customer_key(term)))


def _sent_by_shoppers(brand_ids: Collection[Any] | None) -> Q:
    """Return the condition for redemptions that shoppers sent and whose offers all belong to these brands."""
    if brand_ids is None:
        return Q(brand=None)
    items = RedemptionItem.objects.filter(redemption=OuterRef("pk"))
    return Q(Exists(items.filter(brand__in=brand_ids)), ~Exists(items.exclude(brand__in=brand_ids)), brand=None)


def get_timezone(redemption: Redemption) -> str:
    """Return the time zone of a redemption's brand; without a brand, that of its first offer's brand."""
    if redemption.brand:
        return redemption.brand.timezone
    item = redemption.items.select_related("brand").order_by("position").first()
    return item.brand.timezone if item else "UTC"


# --- parts of a redemption -------------------------------------------------------------------------------------------
def get_order_state(redemption: Redemption) -> OrderState:
    """Return the lines and the shipping of a redemption, with what refunds have returned of them.

    A redemption that a former release returned has no row of its shipping.
    """
    items, repricing = _read_shares(redemption), price_records.load_repricing(redemption.repricing)
    refunded = {part.line: part for part in redemption.refunded_lines.all()}
    lines = {}
    for line in redemption.cart["lines"]:
        quantity, value = line["quantity"], line["quantity"] * line["unit_price"]
        part = refunded.get(line["id"])
        lines[line["id"]] = LineState(
            id=line["id"],
            quantity=quantity,
            value=value,
            shares=tuple(shares.get(line["id"], 0) for shares, _shipping in items),
            returned_quantity=0 if part is None else quantity if part.quantity is None else part.quantity,
            returned_value=0 if part is None else value if part.amount is None else part.amount,
            repricing=repricing.get(line["id"]),
        )
    has_come_back = SHIPPING in refunded or redemption.status == RedemptionStatus.RETURNED
    price = sum(method["price"] for method in redemption.cart["shipping"])
    shares = tuple(shipping for _shares, shipping in items)
    shipping = ShippingState(price, shares, is_returned=has_come_back, repricing=repricing.get(SHIPPING))
    return OrderState(lines, shipping)


def _read_shares(redemption: Redemption) -> list[tuple[dict[str, int], int]]:
    """Return each item's shares of its discount, in minor units: those of the lines, and that of the shipping."""
    currency = redemption.currency
    return [
        (
            {line["id"]: money.parse(line["amount"], currency) for line in offer["lines"]},
            money.parse(offer["shipping"], currency),
        )
        for offer in redemption.quote["applied"]
    ]


def get_decision(redemption: Redemption, *, explain: bool = True) -> Quote:
    """Repeat the decision about a redemption from its price record. Raises PriceRecordUnreadable."""
    record = get_record(redemption)
    try:
        return rules.repeat_decision(record, record.at or redemption.created_at, explain=explain)
    except (KeyError, TypeError, ValueError) as error:
        raise PriceRecordUnreadable(str(redemption.pk)) from error


def get_record(redemption: Redemption) -> PriceRecord:
    """Return the engine's input of a redemption. Raises PriceRecordUnreadable."""
    try:
        return price_records.load_record(redemption.cart, redemption.record)
    except (KeyError, TypeError, ValueError) as error:
        raise PriceRecordUnreadable(str(redemption.pk)) from error


# --- orders of a customer --------------------------------------------------------------------------------------------
def count_orders(
    *, customer_key: int, brand_ids: Collection[uuid.UUID], at: datetime, own: QuoteRequest | None = None
) -> dict[uuid.UUID, OrderCounts]:
    """Return the numbers of the customer's orders by brand, in one query, without the order of the request ``own``.

    An order counts for the brand whose server sent it. One that a shopper sent counts for each brand with an offer in
    it.
    """
    orders = Redemption.objects.filter(customer_id=customer_key)
    if own is not None and own.order:
        orders = orders.exclude(order=own.order, **({"brand__slug": own.shop} if own.shop else {"brand": None}))
    groups = {"placed": Q(status__in=PAID), "reserved": Q(status=RedemptionStatus.RESERVED, expires_at__gt=at)}
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


def count_earlier_orders(*, redemption: Redemption, brand_id: uuid.UUID) -> int:
    """Return the number of orders that the customer had confirmed with the brand before this one."""
    earlier = Redemption.objects.filter(customer_id=redemption.customer_id, status__in=PAID, pk__lt=redemption.pk)
    return earlier.filter(_with_brand(brand_id)).values("pk").distinct().count()


# --- backtests and simulations ---------------------------------------------------------------------------------------
def list_confirmed(*, brand_id: uuid.UUID, start: uuid.UUID, end: uuid.UUID, limit: int) -> list[Redemption]:
    """Return the brand's first confirmed redemptions with ``start`` <= ID < ``end``, oldest first.

    Includes orders that shoppers sent if all of their offers belong to the brand. Runs two queries, one per index.
    """
    period = Redemption.objects.filter(pk__gte=start, pk__lt=end, status__in=PAID).order_by("pk")
    from_server, from_shoppers = period.filter(brand=brand_id), period.filter(_sent_by_shoppers([brand_id]))
    redemptions = [*from_server[:limit], *from_shoppers[:limit]]
    return sorted(redemptions, key=lambda redemption: redemption.pk)[:limit]


def list_recent_promotions(brand: Brand, *, at: datetime) -> list[Promotion]:
    """Return the brand's newest promotions that haven't ended, at most 100."""
    is_open = Q(decision=OfferDecision.DRAFT) | status_condition(OfferStatus.SCHEDULED, at)
    rows = list_for_brands(brand_ids=[brand.pk]).filter(is_open | status_condition(OfferStatus.ACTIVE, at))
    return list(rows[:MAX_PROMOTIONS])
