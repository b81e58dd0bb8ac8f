"""Services of promotions."""

from promotions.services.campaign_sync import retry_sync
from promotions.services.promotions import (
    LIMIT_COLUMNS,
    MAX_PRIORITY,
    activate_promotion,
    create_promotion,
    end_due,
    end_promotion,
    locked_fields,
    start_due,
    update_promotion,
    validate_offer,
)
from promotions.services.segments import audience_counts

__all__ = [
    "LIMIT_COLUMNS",
    "MAX_PRIORITY",
    "activate_promotion",
    "audience_counts",
    "create_promotion",
    "end_due",
    "end_promotion",
    "locked_fields",
    "retry_sync",
    "start_due",
    "update_promotion",
    "validate_offer",
]
