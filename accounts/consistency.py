"""Consistency check of the audit log."""

from collections.abc import Iterator
from datetime import datetime

from accounts.services.audit_chain import iter_differences


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line for each event of the audit log that was changed, removed or inserted. Nothing can be repaired."""
    yield from iter_differences()
