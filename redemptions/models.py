"""Models of the redemption core, imported for Django from the packages that define them."""

from redemptions.codes.models import Code, CodeAssignment, CodeBatch
from redemptions.events.models import Event
from redemptions.limits.models import Limit

__all__ = ["Code", "CodeAssignment", "CodeBatch", "Event", "Limit"]
