"""What outside services are still to be told, and how they are."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from integrations.contracts import Service

SERVICE_CHOICES = [(service.value, service.value.replace("_", " ")) for service in Service]


class SyncJob(models.Model):
    """One thing of ours that a service outside is to know: told until it has acknowledged the newest version.

    There is one row for each thing, however often it changes. Whoever works on it holds ``lease``. Of a long series the
    service has taken ``page`` pages with ``sent`` items, the last of them ``cursor``.
    """

    id = models.BigAutoField(primary_key=True)
    service = models.CharField(max_length=20, choices=SERVICE_CHOICES)
    subject = models.UUIDField(help_text="The id of what is told of")
    version = models.PositiveIntegerField(default=1, help_text="One more with each change that is to be told")
    acknowledged = models.PositiveIntegerField(default=0, help_text="The newest version that the service has taken")
    cursor = models.BigIntegerField(default=0)
    page = models.PositiveIntegerField(default=0)
    sent_count = models.BigIntegerField(default=0, db_column="sent")
    due_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0, help_text="In a row")
    error = models.TextField(blank=True, default="", help_text="Why the last attempt came to nothing")
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    requested_at = models.DateTimeField(
        help_text="Since when the service does not know the newest version", db_column="wanted_at"
    )
    synced_at = models.DateTimeField(null=True, blank=True, db_column="told_at")

    class Meta:
        db_table = "outside_errand"
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            models.UniqueConstraint("service", "subject", name="outside_errand_once"),
            models.CheckConstraint(
                condition=models.Q(acknowledged__lte=models.F("version")), name="outside_errand_acknowledged"
            ),
            models.CheckConstraint(
                condition=models.Q(lease__isnull=True, leased_until__isnull=True)
                | models.Q(lease__isnull=False, leased_until__isnull=False),
                name="outside_errand_lease",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["service", "due_at"],
                name="outside_errand_due",
                condition=models.Q(acknowledged__lt=models.F("version")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_service_display()}: {self.subject}"

    @property
    def is_open(self) -> bool:
        """Whether the service does not know the newest version yet."""
        return self.acknowledged < self.version


class CircuitState(models.Model):
    """How a service does, as all processes see it. ``open_until`` set: nobody calls it before then."""

    service = models.CharField(max_length=20, primary_key=True, choices=SERVICE_CHOICES)
    failures = models.PositiveIntegerField(default=0, help_text="In a row, whoever called")
    open_until = models.DateTimeField(null=True, blank=True)
    open_since = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="")
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outside_health"
        verbose_name_plural = "health"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(open_until__isnull=True, open_since__isnull=True)
                | models.Q(open_until__isnull=False, open_since__isnull=False),
                name="outside_health_open",
            ),
        ]

    def __str__(self) -> str:
        return self.get_service_display()
