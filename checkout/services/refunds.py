"""Refunds of confirmed redemptions, in parts or as a whole.

Each locks the redemption first, so that what is left of a line is decided by one refund at a time, then what the
backends keep of it. What comes back leaves budgets, reports and purchase totals at once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from checkout import price_records, rules, selectors
from checkout.contracts import OrderPart, QuoteRequest
from checkout.errors import PriceRecordUnreadable
from checkout.models import SHIPPING, Redemption, RedemptionItem
from checkout.price_records import load_profile
from checkout.refunds import (
    LineState,
    NoShipping,
    OrderState,
    RefundPolicy,
    RefundRequest,
    RestPrice,
    TooMuch,
    UnknownLine,
    apply_refund,
    count_kept_units,
    reprice_rest,
)
from checkout.services import events
from checkout.services.transitions import purchases_by_kind, set_status
from core import db
from core.db import translate_constraint
from core.errors import Busy, InvalidRequest, PermissionDenied
from redemptions import purchases
from redemptions.contracts import ReturnedItem
from redemptions.errors import InvalidStatus
from redemptions.statuses import PAID, RedemptionStatus

REFUNDABLE = (*PAID, RedemptionStatus.RETURNED)


@dataclass(frozen=True, slots=True)
class Refund:
    """A redemption after a refund, and the states of its order before and after it."""

    redemption: Redemption
    before: OrderState
    after: OrderState


@transaction.atomic
def return_redemption(
    *, redemption: Redemption, request: RefundRequest, part: OrderPart | None = None, at: datetime
) -> Refund:
    """Refund parts of a confirmed redemption, or all that is left. What was refunded stays refunded.

    ``part`` restricts the refund to that part of the order, and to the discounts of its offers.

    When everything is returned, the uses are, too, unless the recorded pricing profile says otherwise. Raises
    InvalidStatus, and InvalidRequest for lines and shipping that the order doesn't have and for more than is left of a
    line.
    """
    locked = selectors.lock_redemption(pk=redemption.pk)
    if locked.status not in REFUNDABLE:
        raise InvalidStatus(current_status=locked.status)
    items = list(locked.items.order_by("position"))
    before = selectors.get_order_state(locked, items=items)
    after = _apply(before, request) if part is None else _apply_to_part(before, request, part)
    if after == before and locked.status == (RedemptionStatus.RETURNED if after.is_returned else locked.status):
        return Refund(locked, before, after)
    if request.policy is RefundPolicy.RECOMPUTE:
        after = _reprice(locked, items, before, after)
    amounts, units = {}, {}
    for item, now, then in zip(items, after.returned_shares, before.returned_shares, strict=True):
        item.returned_amount, amounts[item] = now, now - then
    for item, kept in zip(items, after.kept_units, strict=True):
        returned = item.units - kept - (0 if after.is_returned else item.gift_units)
        units[item] = max(0, returned - item.returned_units)
        item.returned_units += units[item]
    _insert_parts(locked, before, after, at)
    _return_items(locked, amounts, units, is_complete=after.is_returned, at=at)
    events.append_returns(locked, amounts, is_complete=after.is_returned, at=at)
    locked.returned_total = after.returned_value - sum(after.returned_shares)
    locked.repricing = price_records.dump_repricing(
        {line.id: line.repricing for line in after.lines.values()} | {SHIPPING: after.shipping.repricing}
    )
    sums = {"returned_total": locked.returned_total, "repricing": locked.repricing}
    if after.is_returned:
        set_status(locked, RedemptionStatus.RETURNED, at=at, **sums, closed_at=at)
    else:
        set_status(locked, RedemptionStatus.PARTIALLY_RETURNED, at=at, **sums)
    return Refund(locked, before, after)


def _reprice(
    redemption: Redemption, items: Sequence[RedemptionItem], before: OrderState, after: OrderState
) -> OrderState:
    """Return the state with the discounts that the order's offers give on its rest, as recorded.

    Raises InvalidStatus if the price record can't be read.
    """
    try:
        record = selectors.get_record(redemption)
    except PriceRecordUnreadable as error:
        detail = _("The price of this order can't be repeated. Refund it with the policy `keep`.")
        raise InvalidStatus(detail, current_status=redemption.status) from error
    units = count_kept_units(after)
    lines = tuple(replace(line, quantity=units[line.id]) for line in record.cart.lines if line.id in units)
    cart = replace(record.cart, lines=lines, shipping=() if after.shipping.is_returned else record.cart.shipping)
    used = {(item.kind, item.key) for item in items}
    candidates = {
        reference: replace(candidate, budgets_left={}, units_left=None)
        for reference, candidate in record.candidates.items()
        if (candidate.kind, candidate.key) in used
    }
    at = record.at or redemption.created_at
    priced = rules.price_cart(QuoteRequest(cart, ()), candidates, (), facts=record.facts, profile=record.profile, at=at)
    prices = {
        (candidates[applied.ref].kind, candidates[applied.ref].key): RestPrice(
            dict(applied.lines), sum(share for _, share in applied.shipping), dict(applied.units)
        )
        for applied in priced.decision.applied
    }
    return reprice_rest(before, after, [prices.get((item.kind, item.key), RestPrice({})) for item in items])


def _apply(state: OrderState, request: RefundRequest) -> OrderState:
    """Return the state after the refund. Raises InvalidRequest."""
    try:
        return apply_refund(state, request)
    except UnknownLine as error:
        detail = _("The order has no line %(line)s.") % {"line": error.refund.id}
        raise InvalidRequest.field(f"lines.{error.refund.position}", detail) from error
    except NoShipping as error:
        raise InvalidRequest.field("shipping", _("The order has no shipping with a price.")) from error
    except TooMuch as error:
        messages = {
            "quantity": _("At most %(left)s units of the line are left to refund."),
            "amount": _("The amount is greater than what is left of the line."),
        }
        field, detail = f"lines.{error.refund.position}.{error.name}", messages[error.name] % {"left": error.left}
        raise InvalidRequest.field(field, detail, code="max_value") from error


def _apply_to_part(state: OrderState, request: RefundRequest, part: OrderPart) -> OrderState:
    """Return the state after a refund of one brand's part of the order. Raises InvalidRequest and PermissionDenied.

    Lines and shipping that have discounts of other brands, too, can't be refunded in parts.
    """
    if request.policy is RefundPolicy.RECOMPUTE:
        raise PermissionDenied(_("Only the brand that sent the order can refund it with the policy `recompute`."))
    own = state.restrict(part.lines, part.positions)
    after = _apply(own, request)
    lines = {line.id: line for line in after.lines.values() if line != own.lines[line.id]}
    changed = [(state.lines[name].shares, line.shares) for name, line in lines.items()]
    has_shipping = after.shipping.is_returned and not state.shipping.is_returned
    if has_shipping:
        changed.append((state.shipping.shares, after.shipping.shares))
    if any(all_shares != own_shares for all_shares, own_shares in changed):
        raise PermissionDenied(_("A part of the order has discounts of other brands, too."))
    merged = dict(state.lines)
    for name, line in lines.items():
        quantity, value = line.returned_quantity, line.returned_value
        merged[name] = replace(merged[name], returned_quantity=quantity, returned_value=value)
    shipping = replace(state.shipping, is_returned=state.shipping.is_returned or has_shipping)
    return OrderState(merged, shipping)


def _insert_parts(redemption: Redemption, before: OrderState, after: OrderState, at: datetime) -> None:
    parts = [_part(line.id, line, before.lines[line.id]) for line in after.lines.values()]
    parts = [part for part in parts if part["quantity"] or part["amount"] or part["discount"]]
    if after.shipping.is_returned and not before.shipping.is_returned:
        value, discount = after.shipping.value, sum(after.shipping.shares)
        parts.append(
            {
                "line": SHIPPING, "quantity": 1, "line_quantity": 1, "amount": value, "line_amount": value,
                "discount": discount,
            }
        )  # fmt: skip
    with translate_constraint("checkout_refund_within_line", Busy):
        params = {"redemption": redemption.pk, "parts": json.dumps(parts), "at": at}
        db.execute("checkout/sql/return_lines.sql", params)


def _part(line_id: str, after: LineState, before: LineState) -> Mapping[str, object]:
    return {
        "line": line_id,
        "quantity": after.returned_quantity - before.returned_quantity,
        "amount": after.returned_value - before.returned_value,
        "line_quantity": after.quantity,
        "line_amount": after.value,
        "discount": sum(after.returned_shares) - sum(before.returned_shares),
    }


def _return_items(
    redemption: Redemption,
    amounts: Mapping[RedemptionItem, int],
    units: Mapping[RedemptionItem, int],
    *,
    is_complete: bool,
    at: datetime,
) -> None:
    """Return the amounts and units to the offers, and the uses with the last part."""
    RedemptionItem.objects.bulk_update(amounts, ["returned_amount", "returned_units"])
    uses_come_back = is_complete and load_profile(redemption.record).return_cancelled_uses
    returned = {
        (item.kind, item.key): ReturnedItem(item.key, amount, uses_come_back, units[item])
        for item, amount in amounts.items()
        if amount or units[item] or uses_come_back
    }
    purchases.return_items(purchases_by_kind(redemption, amounts, at), returned)
