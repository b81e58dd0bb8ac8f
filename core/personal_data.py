"""Personal data of the tables of core: answers that are repeated, and background tasks."""

import json

from core import db
from core.errors import CustomerErased
from core.privacy import ErasedPeople, Erasure, PersonalColumn, PersonalTable, list_words
from core.problems import problem_from_exception


def _erase_responses(people: ErasedPeople) -> None:
    """Replace responses that name the customers by an error. Those of brands that know the customer stay."""
    if people.brand is None:
        params = {"status": CustomerErased.status, "content_type": "application/problem+json"}
        body = problem_from_exception(CustomerErased()).body()
        db.execute("core/sql/erase_responses.sql", params | {"body": body, "texts": _list_quoted(people)})


def _erase_messages(people: ErasedPeople) -> None:
    """Delete tasks that name the customers, and empty errors that do."""
    if people.brand is None:
        db.execute("core/sql/erase_messages.sql", {"texts": _list_quoted(people)})
        db.execute("core/sql/erase_errors.sql", {"words": list_words(people.texts)})


def _list_quoted(people: ErasedPeople) -> list[str]:
    """Return the texts as JSON writes them, with and without escapes of other characters than ASCII."""
    return sorted(
        {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for text in people.texts for ascii_only in (True, False)}
    )


TABLES = (
    PersonalTable(
        model="kernel.IdempotencyKey",
        columns=(PersonalColumn("body", Erasure.SCRUBBED),),
        erase=_erase_responses,
    ),
    PersonalTable(
        model="kernel.OutboxMessage",
        columns=(PersonalColumn("kwargs", Erasure.SCRUBBED), PersonalColumn("last_error", Erasure.SCRUBBED)),
        erase=_erase_messages,
    ),
)
IMPERSONAL = {
    "kernel.IdempotencyKey.digest": "a digest of the caller, the endpoint and the key",
    "kernel.IdempotencyKey.fingerprint": "a digest of a whole request, which is deleted after two days",
}
