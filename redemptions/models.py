"""Models of the redemption core, imported for Django from the packages that define them."""

from redemptions.events.models import Event

__all__ = ["Event"]
