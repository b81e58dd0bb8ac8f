"""Records what changes no object in the audit log: sign-ins, reads of personal data, and exports."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pghistory

from accounts.models.audit import Access
from core import db

SUBJECT_LENGTH = 120


def record_access(
    label: Access,
    *,
    user: int | None = None,
    brand: uuid.UUID | None = None,
    customer: int | None = None,
    subject: str = "",
) -> None:
    """Append an event to the audit log, in the transaction of the caller if there is one.

    ``user`` is the key of the user whose account it is. Who does it and from where is known from the request.
    """
    if label is Access.SIGNED_IN:
        pghistory.context(user=user)  # who does the rest of the request
    row = {
        "label": label.value,
        "user": user,
        "brand": brand,
        "customer": customer,
        "subject": subject[:SUBJECT_LENGTH],
    }
    db.execute("accounts/sql/insert_access.sql", row)


@contextmanager
def audit_context(*, address: str) -> Iterator[None]:
    """Give what happens within the context its address, on paths on which no middleware does."""
    with pghistory.context(**({"address": address} if address else {})):
        yield
