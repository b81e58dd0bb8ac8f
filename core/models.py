"""The tables of the ground: remembered answers and promised tasks."""

from django.db import models
from django.db.models.functions import Now


class IdempotencyKey(models.Model):
    """An answer that was given under an Idempotency-Key, kept in the transaction of what it did."""

    digest = models.BinaryField(primary_key=True, help_text="SHA-256 of caller, endpoint and key")
    fingerprint = models.BinaryField(help_text="SHA-256 of the request's body")
    status = models.PositiveSmallIntegerField()
    content_type = models.CharField(max_length=100)
    body = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="kernel_idempotency_created")]

    def __str__(self) -> str:
        return f"{bytes(self.digest).hex()[:12]}: {self.status}"


class OutboxMessage(models.Model):
    """A task promised in the same transaction as the fact it follows.

    Due rows are sent to the broker; a row goes when its task has succeeded, comes due again when it failed or was
    lost, and is parked, visible to operators, when it failed too often.
    """

    task = models.CharField(max_length=200)
    kwargs = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    dead_lettered_at = models.DateTimeField(null=True, blank=True, db_column="parked_at")
    last_error = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = "promised task"
        indexes = [
            models.Index(
                fields=["due_at"], name="kernel_outbox_due", condition=models.Q(dead_lettered_at__isnull=True)
            ),
            models.Index(
                fields=["dead_lettered_at"],
                name="kernel_outbox_parked",
                condition=models.Q(dead_lettered_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task} #{self.pk}"
