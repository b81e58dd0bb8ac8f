"""Mailings, their mails, and the addresses that are left alone."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower, Now

from core.ids import uuid7
from mailings.contracts import MailingStatus, MailStatus, Reason


class Mailing(models.Model):
    """One announcement to many: what it announces (``key``), who builds it (``kind``), on whose behalf (``sender``)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=200, unique=True, help_text="What it announces; planned once")
    mail_type = models.CharField(max_length=200, help_text="Dotted path of the kind that builds it", db_column="kind")
    data = models.JSONField(default=dict, blank=True, help_text="What the kind needs to build it")
    sender = models.CharField(max_length=64, blank=True, default="", help_text="Whom an unsubscribe speaks of")
    sender_name = models.CharField(max_length=100, blank=True, default="")
    marketing = models.BooleanField(default=False, help_text="May be unsubscribed from")
    status = models.CharField(
        max_length=10,
        choices=[(phase.value, phase.value) for phase in MailingStatus],
        default=MailingStatus.PLANNING,
        db_column="state",
    )
    plan_cursor = models.BigIntegerField(default=0, help_text="The last recipient that was looked at")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=list(MailingStatus)), name="mail_mailing_state")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["marketing", "id"], name="mail_mailing_open", condition=~models.Q(status=MailingStatus.DONE)
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Mail(models.Model):
    """One recipient's copy of a mailing: a recipient has one row in a mailing, and a row is handed over once."""

    id = models.BigAutoField(primary_key=True)
    mailing = models.ForeignKey(Mailing, models.CASCADE, related_name="mails", db_index=False)
    recipient = models.BigIntegerField(help_text="The planner's own number of the recipient")
    address = models.CharField(max_length=254)
    name = models.CharField(max_length=150, blank=True, db_default="")
    personal_text = models.CharField(
        max_length=64, blank=True, db_default="", help_text="The recipient's alone, such as a code", db_column="word"
    )
    status = models.CharField(
        max_length=10,
        choices=[(status.value, status.value) for status in MailStatus],
        db_default=MailStatus.PLANNED,
        db_column="state",
    )
    attempts = models.PositiveSmallIntegerField(db_default=0)
    due_at = models.DateTimeField(db_default=Now())
    batch = models.UUIDField(null=True, blank=True, help_text="The claim it was last handed over with")
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    message_id = models.CharField(max_length=100, blank=True, db_default="", help_text="The provider's own name of it")
    error = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailing", "recipient"], name="mail_once_per_recipient"),
            models.CheckConstraint(condition=models.Q(status__in=list(MailStatus)), name="mail_mail_state"),
            models.CheckConstraint(
                condition=~models.Q(status=MailStatus.SENDING)
                | models.Q(batch__isnull=False, claimed_at__isnull=False),
                name="mail_claim",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["mailing", "due_at"], name="mail_due", condition=models.Q(status=MailStatus.PLANNED)),
            models.Index(fields=["claimed_at"], name="mail_claimed", condition=models.Q(status=MailStatus.SENDING)),
            # not over planned mails: claiming must never be planned over this index, whatever the statistics say
            models.Index(
                fields=["mailing", "status"], name="mail_progress", condition=~models.Q(status=MailStatus.PLANNED)
            ),
            models.Index(
                fields=["status", "id"],
                name="mail_trouble",
                condition=models.Q(status__in=[MailStatus.FAILED, MailStatus.UNKNOWN]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address} ({self.status})"


class Suppression(models.Model):
    """An address that is left alone, by everybody (``sender`` empty) or by one sender."""

    address = models.CharField(max_length=254, help_text="In lower case")
    sender = models.CharField(max_length=64, blank=True, default="", help_text="Empty for all senders")
    reason = models.CharField(max_length=11, choices=[(reason.value, reason.value) for reason in Reason])
    note = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["address", "sender", "reason"], name="mail_suppressed_once"),
            models.CheckConstraint(condition=models.Q(address=Lower("address")), name="mail_suppression_lower"),
            models.CheckConstraint(condition=models.Q(reason__in=list(Reason)), name="mail_suppression_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.address}: {self.reason}"


class ProcessedEvent(models.Model):
    """A provider's event that was acted on, so that the same event again does nothing."""

    id = models.CharField(primary_key=True, max_length=200)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "mail_seenevent"
        indexes: ClassVar = [models.Index(fields=["seen_at"], name="mail_event_seen")]

    def __str__(self) -> str:
        return self.id
