"""Verbs of promotions and codes."""

from promotions.services.assignments import assign, assign_audience, assign_codes
from promotions.services.batches import (
    MAX_COUNT,
    Imported,
    create_batch,
    generate_chunk,
    generate_codes,
    import_codes,
    request_batch,
)
from promotions.services.campaign_sync import retry_now
from promotions.services.codes import register_code
from promotions.services.promotions import (
    LIMITS,
    MAX_PRIORITY,
    activate,
    change,
    create,
    deactivate,
    end_due,
    locked_fields,
    start_due,
    validate_offer,
)
from promotions.services.segments import audience_counts

__all__ = [
    "LIMITS",
    "MAX_COUNT",
    "MAX_PRIORITY",
    "Imported",
    "activate",
    "assign",
    "assign_audience",
    "assign_codes",
    "audience_counts",
    "change",
    "create",
    "create_batch",
    "deactivate",
    "end_due",
    "generate_chunk",
    "generate_codes",
    "import_codes",
    "locked_fields",
    "register_code",
    "request_batch",
    "retry_now",
    "start_due",
    "validate_offer",
]
