"""What comes back of an order that is refunded in parts, as plain values."""

from checkout.refunds.parts import (
    LineRefund,
    LineState,
    NoShipping,
    OrderState,
    RefundPolicy,
    RefundRequest,
    ShippingState,
    TooMuch,
    UnknownLine,
    apply_refund,
)
from checkout.refunds.repricing import RestPrice, count_kept_units, reprice_rest

__all__ = [
    "LineRefund",
    "LineState",
    "NoShipping",
    "OrderState",
    "RefundPolicy",
    "RefundRequest",
    "RestPrice",
    "ShippingState",
    "TooMuch",
    "UnknownLine",
    "apply_refund",
    "count_kept_units",
    "reprice_rest",
]
