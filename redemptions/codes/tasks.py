"""Celery tasks of code batches."""

import uuid

from celery import shared_task
from django.utils import timezone

from redemptions.codes import services


@shared_task(name="redemptions.generate_codes")
def generate_codes(batch_id: str) -> None:
    """Generate the codes of a batch, or continue to."""
    services.generate_codes(batch_id=uuid.UUID(batch_id))


@shared_task(name="redemptions.revoke_batch")
def revoke_batch(batch_id: str) -> None:
    """Revoke the codes of a revoked batch, or continue to."""
    services.continue_revocation(batch_id=uuid.UUID(batch_id), at=timezone.now())


@shared_task(name="redemptions.archive_codes")
def archive_codes(offer: str) -> None:
    """Archive the codes of an archived offer's batches, or continue to."""
    services.archive_batch_codes(offer=uuid.UUID(offer), at=timezone.now())


@shared_task(name="redemptions.delete_codes")
def delete_codes(offer: str) -> None:
    """Delete the batches of an offer that was deleted as a draft, or continue to."""
    services.delete_batches(offer=uuid.UUID(offer))


@shared_task(name="redemptions.assign_codes")
def assign_codes(assignment_id: str) -> None:
    """Assign codes to an audience, or continue to."""
    services.continue_assignment(assignment_id=uuid.UUID(assignment_id), at=timezone.now())
