"""Services of checkout."""

from checkout.contracts import Quote
from checkout.services.amendments import Amendment, amend
from checkout.services.available_offers import list_offers
from checkout.services.backtests import cancel_backtest, create_backtest, run_backtest
from checkout.services.confirmations import confirm
from checkout.services.erasures import erase_orders
from checkout.services.merges import merge_customers, move_redemptions
from checkout.services.metadata import change_metadata
from checkout.services.purchase_totals import refresh_audiences
from checkout.services.quotes import quote
from checkout.services.refunds import Refund, return_redemption
from checkout.services.reservations import reserve
from checkout.services.simulation import simulate
from checkout.services.transitions import cancel, release_expired

__all__ = [
    "Amendment",
    "Quote",
    "Refund",
    "amend",
    "cancel",
    "cancel_backtest",
    "change_metadata",
    "confirm",
    "create_backtest",
    "erase_orders",
    "list_offers",
    "merge_customers",
    "move_redemptions",
    "quote",
    "refresh_audiences",
    "release_expired",
    "reserve",
    "return_redemption",
    "run_backtest",
    "simulate",
]
