"""Verbs of checkout."""

from checkout.contracts import Quote
from checkout.services.backtesting import backtest, cancel_backtest, replay
from checkout.services.closing import cancel, confirm, refund, release_expired
from checkout.services.offering import offers
from checkout.services.purchasing import refresh_audiences
from checkout.services.quoting import quote
from checkout.services.reserving import reserve
from checkout.services.simulating import simulate

__all__ = [
    "Quote",
    "backtest",
    "cancel",
    "cancel_backtest",
    "confirm",
    "offers",
    "quote",
    "refresh_audiences",
    "refund",
    "release_expired",
    "replay",
    "reserve",
    "simulate",
]
