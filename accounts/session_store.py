"""Sessions in the database whose rows name their user, so that people can list and end them."""

from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from accounts.models import Session

SIGNED_IN_AT, SEEN_AT, ADDRESS, DEVICE = "signed_in_at", "seen_at", "address", "device"


class SessionStore(DatabaseStore):
    """Django's store with columns for the user, the device, the address and the time of the last use."""

    @classmethod
    def get_model_class(cls) -> Any:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row: Any = super().create_model_instance(data)
        row.user_id = data.get(SESSION_KEY)
        row.address, row.device = data.get(ADDRESS, ""), data.get(DEVICE, "")
        row.signed_in_at, row.seen_at = _parse(data.get(SIGNED_IN_AT)), _parse(data.get(SEEN_AT))
        return row


def _parse(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
