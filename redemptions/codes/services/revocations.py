"""Revocation of a whole batch of codes, in the background.

Each chunk is one transaction that revokes codes and moves the batch's position. If a worker dies, the next one
continues from there and revokes no code twice.
"""

import time
import uuid
from datetime import datetime

import pghistory
from django.db import transaction

from core import db
from core.outbox import enqueue_on_commit
from redemptions.codes.models import REVOKED, CodeBatch
from redemptions.codes.services.batches import INLINE_MAX_CODES, lock_batch
from redemptions.errors import BatchNotReady
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events

CHUNK = 10_000  # codes per transaction
TIME_BUDGET_SECONDS = 60.0  # of one task, which then enqueues the next


@transaction.atomic
def revoke_batch(*, batch: CodeBatch, at: datetime) -> None:
    """Revoke a batch, so that nobody can redeem its codes any more. Repeating it has no effect.

    The batch gets no more codes and no more customers at once, and its codes are revoked in the background.
    Reservations and redemptions stay valid. The audit log records who did it. Raises BatchNotReady.
    """
    locked = lock_batch(batch_id=batch.pk)
    if locked.revoked_at is None:
        if not locked.is_generated:
            raise BatchNotReady(generated_count=locked.generated_count, count=locked.count)
        CodeBatch.objects.filter(pk=batch.pk).update(revoked_at=at)
        pghistory.create_event(locked, label=REVOKED)
        enqueue_on_commit("redemptions.revoke_batch", batch_id=str(batch.pk))
    batch.refresh_from_db()


def revoke_small_batch(*, batch: CodeBatch, at: datetime) -> None:
    """Revoke the codes of a revoked batch of up to ``INLINE_MAX_CODES`` codes at once, instead of in the background."""
    if batch.count <= INLINE_MAX_CODES:
        continue_revocation(batch_id=batch.pk, at=at)
        batch.refresh_from_db()


def continue_revocation(*, batch_id: uuid.UUID, at: datetime, time_budget: float = TIME_BUDGET_SECONDS) -> None:
    """Revoke the codes of a revoked batch. After ``time_budget`` seconds, enqueue another task for the rest.

    Several workers may run this for one batch: one of them revokes the next chunk, the others return.
    """
    deadline = time.monotonic() + time_budget
    while _revoke_chunk(batch_id, at):
        if time.monotonic() >= deadline:
            enqueue_on_commit("redemptions.revoke_batch", batch_id=str(batch_id))
            return


@transaction.atomic
def _revoke_chunk(batch_id: uuid.UUID, at: datetime) -> bool:
    """Revoke the next codes. Return False if none are left or another worker is at it."""
    unfinished = CodeBatch.objects.filter(revoked_at__isnull=False, revocation_finished_at=None)
    batch = unfinished.select_for_update(skip_locked=True, no_key=True).filter(pk=batch_id).first()
    if batch is None:
        return False
    params = {"batch": batch.pk, "after": batch.revoked_to, "at": batch.revoked_at, "limit": CHUNK}
    (row,) = db.fetch_all("redemptions/codes/sql/revoke_codes.sql", params)
    batch.revoked_count += row["revoked"]
    batch.revoked_to = row["last"] or batch.revoked_to
    is_finished = row["codes"] < CHUNK
    if is_finished:
        batch.revocation_finished_at = at
        data = {"batch": str(batch.pk), "count": batch.revoked_count}
        append_events([NewEvent(EventType.CODE_REVOKED, at, batch.brand_id, batch.kind, offer=batch.offer, data=data)])
    batch.save(update_fields=["revoked_count", "revoked_to", "revocation_finished_at"])
    return not is_finished
