"""Verbs of promotions and codes."""

from promotions.services.assigning import assign, assign_audience, assign_codes
from promotions.services.audience import reached
from promotions.services.batches import (
    MAX_COUNT,
    Imported,
    import_codes,
    make_batch,
    make_chunk,
    make_codes,
    order_batch,
)
from promotions.services.codes import claim_code
from promotions.services.life import (
    LIMITS,
    MOST_PRIORITY,
    activate,
    change,
    checked_offer,
    create,
    deactivate,
    end_due,
    fixed,
    start_due,
)
from promotions.services.telling import retry_now

__all__ = [
    "LIMITS",
    "MAX_COUNT",
    "MOST_PRIORITY",
    "Imported",
    "activate",
    "assign",
    "assign_audience",
    "assign_codes",
    "change",
    "checked_offer",
    "claim_code",
    "create",
    "deactivate",
    "end_due",
    "fixed",
    "import_codes",
    "make_batch",
    "make_chunk",
    "make_codes",
    "order_batch",
    "reached",
    "retry_now",
    "start_due",
]
