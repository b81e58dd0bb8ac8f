"""Verbs of checkout."""

from checkout.contracts import Quote
from checkout.services.available_offers import list_offers
from checkout.services.backtests import backtest, cancel_backtest, replay
from checkout.services.purchase_totals import refresh_audiences
from checkout.services.quotes import quote
from checkout.services.reservations import reserve
from checkout.services.simulation import simulate
from checkout.services.transitions import cancel, confirm, release_expired, return_redemption

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
