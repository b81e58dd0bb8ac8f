"""Models of the redemption core, imported for Django from the packages that define them."""

from redemptions.balances.models import BalanceMovement
from redemptions.codes.models import Code, CodeAssignment, CodeBatch
from redemptions.events.models import Event, EventReader
from redemptions.limits.models import BudgetThreshold, Limit, LimitUnit
from redemptions.results.models import OfferTotal, RejectionBucket, ResultBucket
from redemptions.uses.models import OfferUse

__all__ = [
    "BalanceMovement", "BudgetThreshold", "Code", "CodeAssignment", "CodeBatch", "Event", "EventReader", "Limit",
    "LimitUnit", "OfferTotal", "OfferUse", "RejectionBucket", "ResultBucket",
]  # fmt: skip
