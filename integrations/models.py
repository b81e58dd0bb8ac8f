"""Sync jobs to external services, and the state of their circuit breakers."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from integrations.contracts import Service

SERVICE_CHOICES = [
    (Service.SEGMENTATION.value, _("Segmentation service")),
    (Service.CAMPAIGN_ENGINE.value, _("Campaign engine")),
]


class SyncJob(models.Model):
    """An object that an external service has to know, sent until the service has acknowledged the latest version.

    Each object has one row, however often it changes. A worker on the job holds ``lease``. For a long list the service
    has accepted ``page`` pages with ``sent_count`` items, the last of which is ``cursor``.
    """

    id = models.BigAutoField(primary_key=True)
    service = models.CharField(max_length=20, choices=SERVICE_CHOICES)
    subject = models.UUIDField(help_text=_("ID of the object."))
    version = models.PositiveIntegerField(default=1, help_text=_("Increases with each change."))
    acknowledged = models.PositiveIntegerField(default=0, help_text=_("Latest version that the service has confirmed."))
    cursor = models.BigIntegerField(default=0)
    page = models.PositiveIntegerField(default=0)
    sent_count = models.BigIntegerField(default=0, db_column="sent")
    due_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0, help_text=_("Consecutive failures."))
    error = models.TextField(blank=True, default="", help_text=_("Reason of the last failure."))
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    requested_at = models.DateTimeField(help_text=_("Start of the wait for the latest version."), db_column="wanted_at")
    synced_at = models.DateTimeField(null=True, blank=True, db_column="told_at")

    class Meta:
        verbose_name, verbose_name_plural = _("sync job"), _("sync jobs")
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
        """Whether the service has not confirmed the latest version."""
        return self.acknowledged < self.version


class CircuitState(models.Model):
    """The state of a service's circuit breaker, shared by all processes; it rejects calls until ``open_until``."""

    service = models.CharField(max_length=20, primary_key=True, choices=SERVICE_CHOICES)
    failures = models.PositiveIntegerField(default=0, help_text=_("Consecutive failures of all processes."))
    open_until = models.DateTimeField(null=True, blank=True)
    open_since = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="")
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outside_health"
        verbose_name, verbose_name_plural = _("circuit breaker"), _("circuit breakers")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(open_until__isnull=True, open_since__isnull=True)
                | models.Q(open_until__isnull=False, open_since__isnull=False),
                name="outside_health_open",
            ),
        ]

    def __str__(self) -> str:
        return self.get_service_display()
