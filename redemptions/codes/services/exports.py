"""Exports of codes, which the audit log records, because an unused code can be spent by anyone who knows it."""

from collections.abc import Iterator
from datetime import datetime

import pghistory

from core.datetimes import format_iso
from redemptions.codes.models import EXPORTED, CodeBatch
from redemptions.codes.selectors.batches import iter_batch_codes

HEADER = ("code", "customer_id", "expires_at", "status")


def export_codes(*, batch: CodeBatch, at: datetime) -> Iterator[tuple[str | None, ...]]:
    """Record that the codes of a batch are exported, and return all of them in order, read one page at a time.

    ``HEADER`` names the cells. The end of a code is in UTC.
    """
    pghistory.create_event(batch, label=EXPORTED)
    return (
        (code.text, code.customer_id, format_iso(code.expires_at) if code.expires_at else None, code.status)
        for code in iter_batch_codes(batch=batch, at=at)
    )
