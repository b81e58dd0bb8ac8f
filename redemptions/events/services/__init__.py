"""Services of events for other packages."""

from redemptions.events.services.appending import append_events
from redemptions.events.services.epochs import open_epoch
from redemptions.events.services.readers import get_horizon, lock_reader

__all__ = ["append_events", "get_horizon", "lock_reader", "open_epoch"]
