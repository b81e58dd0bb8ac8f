"""Reads of one redemption: the state of its order, and the decision about its price."""

import uuid
from collections.abc import Collection, Mapping, Sequence

from django.db.models import prefetch_related_objects

from checkout import price_records, rules
from checkout.contracts import OrderPart, PriceRecord, Quote
from checkout.errors import PriceRecordUnreadable
from checkout.models import SHIPPING, Redemption, RedemptionItem
from checkout.refunds import LineState, OrderState, ShippingState
from core import money
from redemptions.statuses import RedemptionStatus


def get_order_state(redemption: Redemption, *, items: Sequence[RedemptionItem] = ()) -> OrderState:
    """Return the lines and the shipping of a redemption, with what refunds have returned of them.

    The discounted units of lines are those of ``items``, the items in order. A redemption that a former release
    returned has no row of its shipping.
    """
    discounts, repricing = _read_shares(redemption), price_records.load_repricing(redemption.repricing)
    refunded = {part.line: part for part in redemption.refunded_lines.all()}
    lines = {}
    for line in redemption.cart["lines"]:
        quantity, value = line["quantity"], line["quantity"] * line["unit_price"]
        part = refunded.get(line["id"])
        lines[line["id"]] = LineState(
            id=line["id"],
            quantity=quantity,
            value=value,
            shares=tuple(shares.get(line["id"], 0) for shares, _shipping in discounts),
            returned_quantity=0 if part is None else quantity if part.quantity is None else part.quantity,
            returned_value=0 if part is None else value if part.amount is None else part.amount,
            repricing=repricing.get(line["id"]),
            units=tuple(item.line_units.get(line["id"], 0) for item in items),
            is_rounded_together=redemption.record.get("rounds_lines", False),
        )
    has_come_back = SHIPPING in refunded or redemption.status == RedemptionStatus.RETURNED
    chosen = redemption.cart.get("shipping_method")
    price = sum(method["price"] for method in redemption.cart["shipping"] if chosen in (None, method["id"]))
    shares = tuple(shipping for _shares, shipping in discounts)
    shipping = ShippingState(price, shares, is_returned=has_come_back, repricing=repricing.get(SHIPPING))
    return OrderState(lines, shipping)


def count_units(*, offer: uuid.UUID, redemptions: Collection[uuid.UUID]) -> Mapping[uuid.UUID, int]:
    """Return how many units of goods an offer is applied to in these redemptions, by redemption, without refunded ones.

    Redemptions without such units are absent.
    """
    items = RedemptionItem.objects.filter(redemption_id__in=redemptions, offer_id=offer)
    kept = {item.redemption_id: item.units - item.returned_units for item in items.iterator()}
    return {redemption: units for redemption, units in kept.items() if units}


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


# --- parts of brands -------------------------------------------------------------------------------------------------
def get_subtotals(redemption: Redemption) -> dict[uuid.UUID, int]:
    """Return what of the order counts for each brand, with shipping and without discounts, in minor units."""
    return dict(redemption.parts.values_list("brand_id", "subtotal"))


def find_part(redemption: Redemption, brand_ids: Collection[uuid.UUID] | None) -> OrderPart | None:
    """Return the part of an order that these brands may see, or None for all of it.

    All of it is seen by the brand whose server sent it, and by brands with all of its lines and offers. Others see the
    lines that name them or no brand, and their own offers.
    """
    if brand_ids is None or redemption.brand_id in brand_ids:
        return None
    prefetch_related_objects([redemption], "items__brand")
    items = redemption.items.all()
    own = {item.position for item in items if item.brand_id in brand_ids}
    slugs = {item.brand.slug for item in items if item.position in own}
    lines = redemption.cart["lines"]
    line_ids = frozenset(line["id"] for line in lines if line.get("brand") is None or line["brand"] in slugs)
    if len(own) == len(items) and len(line_ids) == len(lines):
        return None
    return OrderPart(frozenset(own), line_ids)
