"""Services of promotions."""

from promotions.services.budgets import format_budgets, parse_budgets, report_budgets, to_budget_fields
from promotions.services.campaign_sync import retry_sync
from promotions.services.lifecycle import change_decision, delete_promotion, end_due, start_due
from promotions.services.promotions import (
    LIMIT_COLUMNS,
    MAX_PRIORITY,
    create_promotion,
    duplicate_promotion,
    locked_fields,
    update_promotion,
    validate_offer,
)
from promotions.services.segments import audience_counts

__all__ = [
    "LIMIT_COLUMNS",
    "MAX_PRIORITY",
    "audience_counts",
    "change_decision",
    "create_promotion",
    "delete_promotion",
    "duplicate_promotion",
    "end_due",
    "format_budgets",
    "locked_fields",
    "parse_budgets",
    "report_budgets",
    "retry_sync",
    "start_due",
    "to_budget_fields",
    "update_promotion",
    "validate_offer",
]
