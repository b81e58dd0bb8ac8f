"""Stored responses of idempotent requests, and outbox messages."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class IdempotencyKey(models.Model):
    """A response to a request with an Idempotency-Key, stored in the transaction of the request's effects."""

    digest = models.BinaryField(primary_key=True, help_text=_("SHA-256 of caller, endpoint and key."))
    fingerprint = models.BinaryField(help_text=_("SHA-256 of the request body."))
    status = models.PositiveSmallIntegerField()
    content_type = models.CharField(max_length=100)
    body = models.BinaryField()
    rights = ArrayField(
        models.CharField(max_length=100), default=list, db_default=[], help_text=_("Rights of the caller at that time.")
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="kernel_idempotency_created")]

    def __str__(self) -> str:
        return f"{bytes(self.digest).hex()[:12]}: {self.status}"


class OutboxMessage(models.Model):
    """A background task, enqueued in the transaction of the change that it follows.

    Due messages are sent to the broker. A message is deleted when its task has succeeded, becomes due again when the
    task has failed or was lost, and is dead-lettered, visible to operators, after too many attempts.
    """

    task = models.CharField(max_length=200)
    kwargs = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    dead_lettered_at = models.DateTimeField(null=True, blank=True, db_column="parked_at")
    last_error = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = _("background task")
        verbose_name_plural = _("background tasks")
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
