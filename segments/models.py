"""Audiences as the data platform sends them, the segments taken of them, and the slots that those take."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from accounts.models import Brand, Customer
from core.ids import uuid7
from segments.contracts import Operation, Source, UploadState

MAX_SLOTS = 100  # of a customer, whatever is configured


class Audience(models.Model):
    """The customers of one brand that belong to one segment type, such as ``purchased_more_than_twice``.

    ``size`` is how many there are, counted in the transaction of every change. One that is computed here has been
    counted from the beginning at ``counted_at``; empty until then.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="audiences")
    segment_type = models.CharField(max_length=100)
    version = models.BigIntegerField(null=True, blank=True)
    size = models.BigIntegerField(db_default=0)
    source = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in Source], db_default=Source.IMPORTED.value
    )
    counted_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["segment_type"]
        constraints = [
            models.UniqueConstraint("brand", "segment_type", name="segments_audience_once"),
            models.CheckConstraint(condition=models.Q(size__gte=0), name="segments_audience_size"),
        ]

    def __str__(self) -> str:
        return self.segment_type


class AudienceMember(models.Model):
    """A customer is in an audience.

    Rows are made of customers' own rows, which are never deleted, and a million of them at once: no foreign key is
    checked (ADR 15).
    """

    pk = models.CompositePrimaryKey("audience_id", "customer_id")
    audience = models.ForeignKey(Audience, models.CASCADE, related_name="members", db_constraint=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+", db_index=False, db_constraint=False)

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.audience_id}"


class AudienceUpload(models.Model):
    """A file of customer ids that a brand's staff brought: first what it would change is shown, then it is applied.

    What it was found to be is of the moment when it was brought, and once it is applied of that moment. ``percent``
    says how far the applying is.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+")
    segment_type = models.CharField("audience", max_length=100)
    operation = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Operation])
    state = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in UploadState], default=UploadState.PREVIEW.value
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    file_name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=50)
    received = models.BigIntegerField(default=0)
    unknown = models.BigIntegerField(default=0)
    added = models.BigIntegerField(default=0)
    removed = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    errors = models.JSONField(default=list, db_column="faults")
    percent = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    applied_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.file_name} for {self.segment_type}"


class UploadPart(models.Model):
    """A piece of a brought file, packed; all of them in order are the file as gzip. Gone when it was applied."""

    pk = models.CompositePrimaryKey("upload_id", "position")
    upload = models.ForeignKey(AudienceUpload, models.CASCADE, related_name="parts", db_index=False)
    position = models.IntegerField(db_column="place")
    packed = models.BinaryField(editable=False)

    def __str__(self) -> str:
        return f"{self.position} of {self.upload_id}"


class State(models.TextChoices):
    """The life of a segment; what callers are told of it is its status (see ``Segment.status``)."""

    SCHEDULED = "scheduled"
    FILLING = "filling"
    SYNCING = "syncing"
    ACTIVE = "active"
    EMPTY = "empty"
    RELEASING = "releasing"
    EXPIRED = "expired"
    DELETED = "deleted"


STATUSES = {State.FILLING: "scheduled", State.SYNCING: "scheduled", State.RELEASING: "expired"}  # others: as the state
FILLABLE_STATES = [State.SCHEDULED, State.FILLING]
SLOT_HOLDING_STATES = [State.FILLING, State.SYNCING, State.ACTIVE, State.RELEASING]  # may have members, each in a slot
TERMINAL_STATES = [State.RELEASING, State.EXPIRED, State.DELETED]  # nobody is in it any more


class Segment(models.Model):
    """The customers of an audience who had a free slot when the segment started; each is in one slot of theirs.

    ``due_at`` is its place in the queue of those to be filled: its start, or its making if that is later. ``cursor`` is
    the last customer that the filling, and then the releasing, has come to. ``epoch`` counts the times that earlier
    work on it became void. ``audience_count`` is as of the making, and of the filling once that is done; ``skipped``
    are those of them who had no free slot. ``deleted_at`` is set when it was ended before its time.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="segments", db_index=False)
    segment_type = models.CharField(max_length=100)
    promotion_id = models.UUIDField(null=True, blank=True, help_text="The promotion that it is for, by key")
    start_date = models.DateTimeField()
    end_date = models.DateTimeField()
    due_at = models.DateTimeField(editable=False)
    state = models.CharField(max_length=9, choices=State.choices, default=State.SCHEDULED)
    epoch = models.IntegerField(default=0, editable=False)
    cursor = models.BigIntegerField(default=0, editable=False)
    slot_limit = models.SmallIntegerField(
        null=True, editable=False, help_text="Slots a customer had when it was filled"
    )
    audience_count = models.IntegerField(default=0, editable=False)
    members_count = models.IntegerField("members", default=0, editable=False)
    skipped_count = models.IntegerField("without a free slot", default=0, editable=False, db_column="skipped")
    filled_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    external_id = models.CharField(max_length=100, blank=True, default="", editable=False)
    synced_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
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
        """What callers are told: scheduled, active, empty, expired or deleted."""
        return "deleted" if self.deleted_at else STATUSES.get(State(self.state), self.state)


class SegmentMember(models.Model):
    """A customer is in a segment, and in one slot for it.

    Millions of rows come and go at once, so the keys that it names are no foreign keys of the database: those would
    look up, and lock, every customer. ``audit_ledgers`` counts the rows again.
    """

    pk = models.CompositePrimaryKey("segment_id", "customer_id")
    segment = models.ForeignKey(Segment, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    customer = models.ForeignKey(Customer, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.segment_id}"


class CustomerSlots(models.Model):
    """How many slots of a customer are used; a customer without a row uses none.

    Changed only under the lock of the customer's stripe (see ``segments.services.customer_ranges``).
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
