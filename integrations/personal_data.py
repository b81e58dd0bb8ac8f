"""Personal data of integrations: none. Sync jobs name segments and promotions."""

from core.privacy import PersonalTable

TABLES: tuple[PersonalTable, ...] = ()
IMPERSONAL = {
    "outside.CircuitState.error": "why a service could not be reached",
    "outside.SyncJob.error": "the status and the reason that a service answered, without a body",
}
