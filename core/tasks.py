"""Doors of the ground for worker and beat."""

from celery import shared_task

from core import health, idempotency, outbox


@shared_task(name="core.relay_outbox")
def relay_outbox() -> None:
    """Send due promises until none is left."""
    while outbox.relay() == outbox.BATCH:
        pass


@shared_task(name="core.purge_idempotency_keys")
def purge_idempotency_keys() -> None:
    """Forget answers older than the published retention."""
    idempotency.purge_expired()


@shared_task(name="core.record_heartbeat")
def record_heartbeat() -> None:
    """Show that beat and a worker are alive."""
    health.record_heartbeat()
