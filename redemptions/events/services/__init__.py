"""Services of events for other packages."""

from redemptions.events.services.appending import append_events
from redemptions.events.services.decisions import append_decision
from redemptions.events.services.epochs import open_epoch

__all__ = ["append_decision", "append_events", "open_epoch"]
