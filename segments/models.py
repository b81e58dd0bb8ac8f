"""Audiences, the files that change them, the segments created from them, and the slots of customers."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, Customer
from core.ids import uuid7
from segments.contracts import Operation, Source, UploadState

MAX_SLOTS = 100  # of a customer, whatever the setting says
SOURCE_CHOICES = [(Source.IMPORTED.value, _("Imported")), (Source.AUTOMATIC.value, _("Automatic"))]
OPERATION_CHOICES = [
    (Operation.REPLACE.value, _("Replace audience")),
    (Operation.ADD.value, _("Add customers")),
    (Operation.REMOVE.value, _("Remove customers")),
]
UPLOAD_STATE_CHOICES = [
    (UploadState.PREVIEW.value, _("Preview")),
    (UploadState.PENDING.value, _("Running")),
    (UploadState.APPLIED.value, _("Completed")),
    (UploadState.FAILED.value, _("Failed")),
]


class Audience(models.Model):
    """The customers of a brand that belong to a segment type, for example ``purchased_more_than_twice``.

    ``size`` is counted in the transaction of each change. ``counted_at`` is set once the customers of an automatic
    audience have been selected for the first time.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="audiences")
    segment_type = models.CharField(max_length=100)
    version = models.BigIntegerField(null=True, blank=True)
    size = models.BigIntegerField(db_default=0)
    source = models.CharField(max_length=10, choices=SOURCE_CHOICES, db_default=Source.IMPORTED.value)
    counted_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name, verbose_name_plural = _("audience"), _("audiences")
        ordering: ClassVar[list[str]] = ["segment_type"]
        constraints = [
            models.UniqueConstraint("brand", "segment_type", name="segments_audience_once"),
            models.CheckConstraint(condition=models.Q(size__gte=0), name="segments_audience_size"),
        ]

    def __str__(self) -> str:
        return self.segment_type


class AudienceMember(models.Model):
    """The membership of a customer in an audience.

    A million rows are inserted at once, from rows of customers, which are never deleted. So the database checks no
    foreign key (ADR 15).
    """

    pk = models.CompositePrimaryKey("audience_id", "customer_id")
    audience = models.ForeignKey(Audience, models.CASCADE, related_name="members", db_constraint=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+", db_index=False, db_constraint=False)

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.audience_id}"


class AudienceUpload(models.Model):
    """A file of customer IDs that staff of a brand uploaded: first previewed, then applied.

    The counts are estimates as of the upload, and exact once the file is applied. ``percent`` is the progress of
    applying the file.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+")
    segment_type = models.CharField(_("audience"), max_length=100)
    operation = models.CharField(max_length=10, choices=OPERATION_CHOICES)
    state = models.CharField(max_length=10, choices=UPLOAD_STATE_CHOICES, default=UploadState.PREVIEW.value)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    file_name = models.CharField(_("file name"), max_length=200)
    media_type = models.CharField(max_length=50)
    received = models.BigIntegerField(default=0)
    unknown = models.BigIntegerField(default=0)
    added = models.BigIntegerField(default=0)
    removed = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    invalid_count = models.BigIntegerField(default=0, db_column="refused")
    errors = models.JSONField(default=list, db_column="faults")
    percent = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    applied_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("audience import"), _("audience imports")
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.file_name} for {self.segment_type}"


class UploadPart(models.Model):
    """A part of an uploaded file. The parts in order are the file as gzip; applying the file deletes them."""

    pk = models.CompositePrimaryKey("upload_id", "position")
    upload = models.ForeignKey(AudienceUpload, models.CASCADE, related_name="parts", db_index=False)
    position = models.IntegerField(db_column="place")
    packed = models.BinaryField(editable=False)

    def __str__(self) -> str:
        return f"{self.position} of {self.upload_id}"


class State(models.TextChoices):
    """The internal life cycle of a segment. Callers see ``Segment.status``."""

    SCHEDULED = "scheduled", _("Scheduled")
    FILLING = "filling", _("Populating")
    SYNCING = "syncing", _("Syncing")
    ACTIVE = "active", _("Active")
    EMPTY = "empty", _("Empty")
    RELEASING = "releasing", _("Releasing slots")
    EXPIRED = "expired", _("Expired")
    DELETED = "deleted", _("Deleted")


STATUSES = {State.FILLING: "scheduled", State.SYNCING: "scheduled", State.RELEASING: "expired"}  # others: as the state
FILLABLE_STATES = [State.SCHEDULED, State.FILLING]
SLOT_HOLDING_STATES = [State.FILLING, State.SYNCING, State.ACTIVE, State.RELEASING]  # members may use slots
TERMINAL_STATES = [State.RELEASING, State.EXPIRED, State.DELETED]  # without effective members


class Segment(models.Model):
    """The customers of an audience that had a free slot when the segment started; each uses one slot for it.

    ``due_at`` is the position in the queue: the start date, or the creation if that is later. ``cursor`` is the key of
    the last customer that filling, and later releasing, has reached. ``epoch`` counts how often earlier work was
    invalidated. ``audience_count`` is the size of the audience at creation, and once filled, at filling.
    ``skipped_count`` customers had no free slot. ``deleted_at`` is set if the segment ended early.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="segments", db_index=False)
    segment_type = models.CharField(max_length=100)
    promotion_id = models.UUIDField(
        null=True, blank=True, help_text=_("Key of the promotion that the segment is used by.")
    )
    start_date = models.DateTimeField()
    end_date = models.DateTimeField()
    due_at = models.DateTimeField(editable=False)
    state = models.CharField(max_length=9, choices=State.choices, default=State.SCHEDULED)
    epoch = models.IntegerField(default=0, editable=False)
    cursor = models.BigIntegerField(default=0, editable=False)
    slot_limit = models.SmallIntegerField(
        null=True, editable=False, help_text=_("Slots per customer when the segment was populated.")
    )
    audience_count = models.IntegerField(default=0, editable=False)
    members_count = models.IntegerField(_("members"), default=0, editable=False)
    skipped_count = models.IntegerField(_("skipped"), default=0, editable=False, db_column="skipped")
    filled_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    external_id = models.CharField(max_length=100, blank=True, default="", editable=False)
    synced_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("segment"), _("segments")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(end_date__gt=models.F("start_date")), name="segments_segment_dates"
            ),
            models.CheckConstraint(condition=models.Q(state__in=State.values), name="segments_segment_state"),
            models.UniqueConstraint(
                "promotion_id",
                name="segments_one_per_promotion",
                condition=models.Q(promotion_id__isnull=False, deleted_at__isnull=True),
            ),
            models.UniqueConstraint(
                "brand", "segment_type", "start_date", "end_date",
                name="segments_once_per_request",
                condition=models.Q(promotion_id__isnull=True, deleted_at__isnull=True),
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(fields=["brand", "-id"], name="segments_of_brand"),
            models.Index(
                fields=["promotion_id"],
                name="segments_of_promotion",
                condition=models.Q(promotion_id__isnull=False),
            ),
            models.Index(
                fields=["due_at", "id"], name="segments_to_fill", condition=models.Q(state__in=FILLABLE_STATES)
            ),
            models.Index(
                fields=["brand", "due_at", "id"], name="segments_turns", condition=models.Q(deleted_at__isnull=True)
            ),
            models.Index(
                fields=["end_date"],
                name="segments_to_end",
                condition=~models.Q(state__in=[State.EXPIRED, State.DELETED]),
            ),
        ]

    def __str__(self) -> str:
        return self.segment_type.replace("_", " ")

    @property
    def status(self) -> str:
        """The status that callers see: scheduled, active, empty, expired or deleted."""
        return "deleted" if self.deleted_at else STATUSES.get(State(self.state), self.state)


class SegmentMember(models.Model):
    """The membership of a customer in a segment, which uses one slot of the customer.

    Millions of rows are inserted and deleted at once. Foreign keys would look up and lock every customer, so the
    database has none; ``check_consistency`` recounts the rows.
    """

    pk = models.CompositePrimaryKey("segment_id", "customer_id")
    segment = models.ForeignKey(Segment, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    customer = models.ForeignKey(Customer, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.segment_id}"


class CustomerSlots(models.Model):
    """The number of used slots of a customer; a customer without a row uses none.

    Changed only under the lock of the customer's range (see ``segments.services.customer_ranges``).
    """

    customer = models.OneToOneField(
        Customer, models.DO_NOTHING, primary_key=True, related_name="+", db_constraint=False
    )
    used = models.SmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(used__gte=0, used__lte=MAX_SLOTS), name="segments_slots_within_bounds"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.used} of {self.customer_id}"
