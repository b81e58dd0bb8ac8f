"""Personal data of the tables of core: answers that are repeated, and background tasks."""

from core.privacy import Erasure, PersonalColumn, PersonalTable

TABLES = (
    PersonalTable(model="kernel.IdempotencyKey", columns=(PersonalColumn("body", Erasure.SCRUBBED),)),
    PersonalTable(
        model="kernel.OutboxMessage",
        columns=(PersonalColumn("kwargs", Erasure.DELETED), PersonalColumn("last_error", Erasure.DELETED)),
    ),
)
IMPERSONAL = {
    "kernel.IdempotencyKey.digest": "a digest of the caller, the endpoint and the key",
    "kernel.IdempotencyKey.fingerprint": "a digest of a whole request, which is deleted after two days",
}
