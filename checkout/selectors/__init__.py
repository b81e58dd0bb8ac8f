"""Reads of checkout, one module per subject."""

from checkout.selectors.backtests import list_confirmed, list_recent_promotions
from checkout.selectors.callers import (
    Access,
    check_shopper,
    filter_redemptions,
    find_actor,
    get_access,
    get_confirmable,
    get_editable,
    get_refundable,
    get_visible,
    list_visible,
)
from checkout.selectors.locks import lock_backtest, lock_expired_redemption, lock_live_redemption, lock_redemption
from checkout.selectors.order_counts import count_earlier_orders, count_orders
from checkout.selectors.orders import get_decision, get_order_state, get_record
from checkout.selectors.staff import find_for_staff, get_timezone, is_editable_by_staff

__all__ = [
    "Access",
    "check_shopper",
    "count_earlier_orders",
    "count_orders",
    "filter_redemptions",
    "find_actor",
    "find_for_staff",
    "get_access",
    "get_confirmable",
    "get_decision",
    "get_editable",
    "get_order_state",
    "get_record",
    "get_refundable",
    "get_timezone",
    "get_visible",
    "is_editable_by_staff",
    "list_confirmed",
    "list_recent_promotions",
    "list_visible",
    "lock_backtest",
    "lock_expired_redemption",
    "lock_live_redemption",
    "lock_redemption",
]
