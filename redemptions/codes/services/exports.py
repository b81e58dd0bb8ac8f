"""Exports of codes, which the audit log records, because an unused code can be spent by anyone who knows it."""

from collections.abc import Iterator
from datetime import datetime

import pghistory

from redemptions.codes.models import EXPORTED, CodeBatch
from redemptions.codes.selectors.batches import BatchCode, iter_batch_codes


def export_codes(*, batch: CodeBatch, at: datetime) -> Iterator[BatchCode]:
    """Record that the codes of a batch are exported, and return all of them in order, read one page at a time."""
    pghistory.create_event(batch, label=EXPORTED)
    return iter_batch_codes(batch=batch, at=at)
