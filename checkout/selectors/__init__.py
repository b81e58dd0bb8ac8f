"""Reads of checkout, one module per subject."""

from checkout.selectors.backtests import list_confirmed, list_recent_promotions
from checkout.selectors.callers import (
    Access,
    check_shopper,
    filter_by_senders_data,
    filter_redemptions,
    find_actor,
    find_visible_part,
    get_acceptance_of_order,
    get_access,
    get_amendable,
    get_annotatable,
    get_confirmable,
    get_editable,
    get_refundable,
    get_visible,
    is_senders_data_visible,
    list_visible,
    load_items,
)
from checkout.selectors.locks import lock_backtest, lock_expired_redemption, lock_live_redemption, lock_redemption
from checkout.selectors.order_counts import count_earlier_orders, count_orders, count_reservations
from checkout.selectors.orders import count_units, find_part, get_decision, get_order_state, get_record, get_subtotals
from checkout.selectors.staff import find_for_staff, get_timezone, is_editable_by_staff

__all__ = [
    "Access",
    "check_shopper",
    "count_earlier_orders",
    "count_orders",
    "count_reservations",
    "count_units",
    "filter_by_senders_data",
    "filter_redemptions",
    "find_actor",
    "find_for_staff",
    "find_part",
    "find_visible_part",
    "get_acceptance_of_order",
    "get_access",
    "get_amendable",
    "get_annotatable",
    "get_confirmable",
    "get_decision",
    "get_editable",
    "get_order_state",
    "get_record",
    "get_refundable",
    "get_subtotals",
    "get_timezone",
    "get_visible",
    "is_editable_by_staff",
    "is_senders_data_visible",
    "list_confirmed",
    "list_recent_promotions",
    "list_visible",
    "load_items",
    "lock_backtest",
    "lock_expired_redemption",
    "lock_live_redemption",
    "lock_redemption",
]
