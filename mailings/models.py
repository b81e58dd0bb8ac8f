"""Mailings, their emails, and suppressed addresses."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from mailings.contracts import MailingStatus, MailStatus, Reason

MAIL_STATUS_CHOICES = [
    (MailStatus.PLANNED.value, _("Pending")),
    (MailStatus.SENDING.value, _("Sending")),
    (MailStatus.SENT.value, _("Sent")),
    (MailStatus.FAILED.value, _("Failed")),
    (MailStatus.SUPPRESSED.value, _("Suppressed")),
    (MailStatus.UNKNOWN.value, _("Delivery unknown")),
]
MAILING_STATUS_CHOICES = [
    (MailingStatus.PLANNING.value, _("Pending")),
    (MailingStatus.SENDING.value, _("Sending")),
    (MailingStatus.DONE.value, _("Completed")),
]
REASON_CHOICES = [
    (Reason.BOUNCE.value, _("Bounce")),
    (Reason.COMPLAINT.value, _("Spam complaint")),
    (Reason.UNSUBSCRIBE.value, _("Unsubscribed")),
]


class Mailing(models.Model):
    """An email to many recipients: its ``key``, the ``mail_type`` that builds it, and the ``sender`` it is sent for."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=200, unique=True, help_text=_("Unique name, for example discount_code:SUMMER."))
    mail_type = models.CharField(max_length=200, help_text=_("Dotted path of the mail type."), db_column="kind")
    data = models.JSONField(default=dict, blank=True, help_text=_("Data for the content."))
    sender = models.CharField(
        max_length=64, blank=True, default="", help_text=_("Sender that an unsubscription applies to.")
    )
    sender_name = models.CharField(max_length=100, blank=True, default="")
    marketing = models.BooleanField(default=False, help_text=_("Recipients can unsubscribe."))
    status = models.CharField(
        max_length=10,
        choices=MAILING_STATUS_CHOICES,
        default=MailingStatus.PLANNING,
        db_column="state",
    )
    plan_cursor = models.BigIntegerField(default=0, help_text=_("Last recipient that was planned."))
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("mailing"), _("mailings")
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
    """One recipient's copy of a mailing, which is sent once. A recipient has one row per mailing."""

    id = models.BigAutoField(primary_key=True)
    mailing = models.ForeignKey(Mailing, models.CASCADE, related_name="mails", db_index=False)
    recipient = models.BigIntegerField(help_text=_("The planner's number of the recipient."))
    address = models.CharField(max_length=254)
    name = models.CharField(max_length=150, blank=True, db_default="")
    personal_text = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        help_text=_("Text for this recipient only, for example a code."),
        db_column="word",
    )
    status = models.CharField(
        max_length=10,
        choices=MAIL_STATUS_CHOICES,
        db_default=MailStatus.PLANNED,
        db_column="state",
    )
    attempts = models.PositiveSmallIntegerField(db_default=0)
    due_at = models.DateTimeField(db_default=Now())
    batch = models.UUIDField(null=True, blank=True, help_text=_("Batch in which it was last sent."))
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    message_id = models.CharField(max_length=100, blank=True, db_default="", help_text=_("Message ID of the provider."))
    error = models.TextField(blank=True, db_default="")

    class Meta:
        verbose_name, verbose_name_plural = _("email"), _("emails")
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
            # excludes planned emails, so that the query planner never uses this index for claiming
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
    """An address that gets no emails, from any sender (empty ``sender``) or from one."""

    address = models.CharField(max_length=254, help_text=_("In lower case."))
    sender = models.CharField(max_length=64, blank=True, default="", help_text=_("Leave blank for all senders."))
    reason = models.CharField(max_length=11, choices=REASON_CHOICES)
    note = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("suppressed address"), _("suppressed addresses")
        constraints = [
            models.UniqueConstraint(fields=["address", "sender", "reason"], name="mail_suppressed_once"),
            models.CheckConstraint(condition=models.Q(address=Lower("address")), name="mail_suppression_lower"),
            models.CheckConstraint(condition=models.Q(reason__in=list(Reason)), name="mail_suppression_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.address}: {self.reason}"


class ProcessedEvent(models.Model):
    """A provider's event that was processed, so that a repetition has no effect."""

    id = models.CharField(primary_key=True, max_length=200)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "mail_seenevent"
        indexes: ClassVar = [models.Index(fields=["seen_at"], name="mail_event_seen")]

    def __str__(self) -> str:
        return self.id
