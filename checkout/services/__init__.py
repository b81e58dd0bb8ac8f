"""Verbs of checkout."""

from checkout.contracts import Quote
from checkout.services.backtesting import backtest, cancel_backtest, replay
from checkout.services.closing import cancel, confirm, release_expired, return_redemption
from checkout.services.offering import list_offers
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
    "list_offers",
    "quote",
    "refresh_audiences",
    "release_expired",
    "replay",
    "reserve",
    "return_redemption",
    "simulate",
]
