"""Services of promotions, code batches and code assignments."""

from promotions.services.assignments import assign_to_audience, assign_to_customers, continue_assignment
from promotions.services.batches import (
    MAX_BATCH_SIZE,
    ImportResult,
    create_batch,
    generate_chunk,
    generate_codes,
    import_codes,
    request_batch,
)
from promotions.services.campaign_sync import retry_sync
from promotions.services.codes import register_code
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
    "MAX_BATCH_SIZE",
    "MAX_PRIORITY",
    "ImportResult",
    "activate_promotion",
    "assign_to_audience",
    "assign_to_customers",
    "audience_counts",
    "continue_assignment",
    "create_batch",
    "create_promotion",
    "end_due",
    "end_promotion",
    "generate_chunk",
    "generate_codes",
    "import_codes",
    "locked_fields",
    "register_code",
    "request_batch",
    "retry_sync",
    "start_due",
    "update_promotion",
    "validate_offer",
]
