"""Shapes of batches of codes on the wire."""

from typing import Any

from rest_framework import serializers

from core.serializer_fields import StrictBooleanField, StrictCharField, StrictIntegerField, UuidField
from promotions import code_rules
from promotions.models import CodeAssignment, CodeBatch
from promotions.services.assignments import MAX_CUSTOMERS
from promotions.services.batches import MAX_BATCH_SIZE


class BatchInputSerializer(serializers.Serializer[Any]):
    """A new batch. In the pattern `#` stands for a character that is drawn from the charset."""

    count = StrictIntegerField(min_value=1, max_value=MAX_BATCH_SIZE)
    pattern = StrictCharField(max_length=64, default=code_rules.DEFAULT_PATTERN)
    charset = StrictCharField(max_length=64, default=code_rules.DEFAULT_CHARSET, help_text="Different letters and digits")


class BatchSerializer(serializers.Serializer[Any]):
    """A batch; `made` of `count` codes are there. `guess_bits` is the size of what a code is drawn from."""

    job = serializers.URLField(help_text="Where to ask how far it has come")
    id = serializers.UUIDField()
    promotion = serializers.UUIDField()
    pattern = serializers.CharField(allow_null=True, help_text="null for codes that were imported")
    charset = serializers.CharField(allow_null=True)
    guess_bits = serializers.FloatField(allow_null=True)
    count = serializers.IntegerField()
    made = serializers.IntegerField()
    status = serializers.CharField(help_text="`making` or `done`")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ImportQuerySerializer(serializers.Serializer[Any]):
    """Where an import goes."""

    batch = UuidField(required=False, help_text="The imported batch to go on with; a new one without it")


class ImportErrorSerializer(serializers.Serializer[Any]):
    """A line that was not imported."""

    line = serializers.IntegerField()
    text = serializers.CharField()
    code = serializers.ChoiceField(["invalid", "duplicate", "code_taken"])
    detail = serializers.CharField()


class ImportResultSerializer(BatchSerializer):
    """What became of the lines. `known` ones were in the batch before; the first 1,000 refused ones are listed."""

    received = serializers.IntegerField()
    imported = serializers.IntegerField()
    known = serializers.IntegerField()
    refused = serializers.IntegerField()
    errors = ImportErrorSerializer(many=True)  # type: ignore[assignment]


class CustomerIdField(StrictCharField):
    """A customer id of the data platform."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.isprintable():
            raise serializers.ValidationError("A customer id is 1 to 100 printable characters.", code="invalid")
        return text


class AssignInputSerializer(serializers.Serializer[Any]):
    """Who gets a code each: either customers by name, or an audience."""

    customer_ids = serializers.ListField(
        child=CustomerIdField(max_length=100), min_length=1, max_length=MAX_CUSTOMERS, required=False
    )
    segment_type = StrictCharField(max_length=100, required=False)
    notify = StrictBooleanField(default=False, help_text="Mail the code to each who agreed to get offers")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("customer_ids" in attrs) == ("segment_type" in attrs):
            raise serializers.ValidationError({"customer_ids": "Say either customer_ids or segment_type."})
        return attrs


class AssignResultSerializer(serializers.Serializer[Any]):
    """How many customers got a code now, had one already, and are mailed theirs."""

    assigned = serializers.IntegerField()
    already = serializers.IntegerField()
    mailed = serializers.IntegerField()


class AssignmentSerializer(serializers.Serializer[Any]):
    """How far giving an audience its codes has come; `exhausted` when they did not suffice."""

    job = serializers.URLField()
    id = serializers.UUIDField()
    segment_type = serializers.CharField()
    notify = serializers.BooleanField()
    assigned = serializers.IntegerField()
    already = serializers.IntegerField()
    exhausted = serializers.BooleanField()
    status = serializers.CharField(help_text="`assigning` or `done`")
    finished_at = serializers.DateTimeField(allow_null=True)


def to_batch_data(batch: CodeBatch, *, job: str, bits: float | None) -> dict[str, Any]:
    """A batch as ``BatchAnswer`` describes it."""
    return {
        "job": job, "id": batch.pk, "promotion": batch.promotion_id, "pattern": batch.pattern or None,
        "charset": batch.charset or None, "guess_bits": None if bits is None else round(bits, 1),
        "count": batch.count, "made": batch.generated_count, "status": "done" if batch.is_generated else "making",
        "created_at": batch.created_at, "finished_at": batch.finished_at,
    }  # fmt: skip


def to_assignment_data(assignment: CodeAssignment, *, job: str) -> dict[str, Any]:
    """An assignment as ``AssignmentAnswer`` describes it."""
    names = ("segment_type", "notify", "assigned", "already", "exhausted", "finished_at")
    status = "assigning" if assignment.finished_at is None else "done"
    return {
        "job": job, "id": assignment.pk, **{name: getattr(assignment, name) for name in names}, "status": status,
    }  # fmt: skip
