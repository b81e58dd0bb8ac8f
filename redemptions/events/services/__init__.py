"""Services of events for other packages."""

from redemptions.events.services.appending import append_events
from redemptions.events.services.epochs import open_epoch

__all__ = ["append_events", "open_epoch"]
