"""Reads of the sessions of users."""

import hashlib
from datetime import datetime

from accounts.models import Session, User


def list_sessions(*, user: User, at: datetime) -> list[Session]:
    """Return the sessions of a user that haven't expired, the last used first."""
    rows = Session.objects.filter(user=user, expire_date__gt=at, seen_at__isnull=False)
    return list(rows.order_by("-seen_at"))


def number_of_session(session: Session) -> str:
    """Return a text that names a session and doesn't reveal its key, which is a credential."""
    return hashlib.sha256(f"session:{session.session_key}".encode()).hexdigest()[:24]
