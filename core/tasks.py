"""Celery tasks of the outbox, idempotency keys and the heartbeat."""

from celery import shared_task

from core import health, idempotency, outbox


@shared_task(name="core.relay_outbox")
def relay_outbox() -> None:
    """Send due outbox messages until none is left."""
    while outbox.relay() == outbox.BATCH:
        pass


@shared_task(name="core.purge_idempotency_keys")
def purge_idempotency_keys() -> None:
    """Delete stored responses past their retention."""
    idempotency.purge_expired()


@shared_task(name="core.record_heartbeat")
def record_heartbeat() -> None:
    """Record that the scheduler and a worker are alive."""
    health.record_heartbeat()
