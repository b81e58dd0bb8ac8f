"""Models of the redemption core, imported for Django from the packages that define them."""

from redemptions.events.models import Event
from redemptions.limits.models import Limit

__all__ = ["Event", "Limit"]
