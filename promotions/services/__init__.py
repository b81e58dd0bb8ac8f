"""Services of promotions, and of what all offers of a brand share: their validation, and attributes."""

from promotions.services.attributes import create_attribute, delete_attribute
from promotions.services.campaign_sync import retry_sync
from promotions.services.lifecycle import change_decision, delete_promotion, end_due, start_due
from promotions.services.offers import MAX_PRIORITY, check_priority, check_unit_limit, validate_offer
from promotions.services.promotions import create_promotion, duplicate_promotion, locked_fields, update_promotion
from promotions.services.segments import audience_counts

__all__ = [
    "MAX_PRIORITY",
    "audience_counts",
    "change_decision",
    "check_priority",
    "check_unit_limit",
    "create_attribute",
    "create_promotion",
    "delete_attribute",
    "delete_promotion",
    "duplicate_promotion",
    "end_due",
    "locked_fields",
    "retry_sync",
    "start_due",
    "update_promotion",
    "validate_offer",
]
