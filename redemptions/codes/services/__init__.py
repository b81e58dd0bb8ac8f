"""Services of codes, batches and assignments."""

from redemptions.codes.services.assignments import (
    AssignmentResult,
    assign_to_audience,
    assign_to_customers,
    continue_assignment,
    move_codes,
)
from redemptions.codes.services.batches import (
    MAX_BATCH_SIZE,
    ImportResult,
    create_batch,
    generate_chunk,
    generate_codes,
    generate_small_batch,
    import_codes,
)
from redemptions.codes.services.codes import (
    archive_batch_codes,
    archive_codes,
    check_takes_codes,
    delete_batches,
    delete_codes,
    register_code,
    revoke_code,
)
from redemptions.codes.services.exports import HEADER as EXPORT_HEADER
from redemptions.codes.services.exports import export_codes
from redemptions.codes.services.revocations import continue_revocation, revoke_batch, revoke_small_batch

__all__ = [
    "EXPORT_HEADER",
    "MAX_BATCH_SIZE",
    "AssignmentResult",
    "ImportResult",
    "archive_batch_codes",
    "archive_codes",
    "assign_to_audience",
    "assign_to_customers",
    "check_takes_codes",
    "continue_assignment",
    "continue_revocation",
    "create_batch",
    "delete_batches",
    "delete_codes",
    "export_codes",
    "generate_chunk",
    "generate_codes",
    "generate_small_batch",
    "import_codes",
    "move_codes",
    "register_code",
    "revoke_batch",
    "revoke_code",
    "revoke_small_batch",
]
