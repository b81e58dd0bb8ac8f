"""Serializers of code batches, imports and assignments."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.api.fields import CustomerIdField
from accounts.contracts import CUSTOMER_ID_LENGTH
from core import money
from core.serializer_fields import AmountField, StrictBooleanField, StrictCharField, StrictIntegerField, UuidField
from core.serializers import InputSerializer
from redemptions.codes.models import CodeAssignment, CodeBatch
from redemptions.codes.rules import DEFAULT_CHARSET, DEFAULT_PATTERN
from redemptions.codes.services import MAX_BATCH_SIZE
from redemptions.codes.services.assignments import MAX_CUSTOMERS
from redemptions.stored_values import StoredValue

JOB_STATUSES = ["running", "completed"]


class BatchInputSerializer(InputSerializer):
    """A new batch of single-use codes."""

    count = StrictIntegerField(min_value=1, max_value=MAX_BATCH_SIZE, help_text=_("Number of codes to generate."))
    pattern = StrictCharField(
        max_length=64,
        default=DEFAULT_PATTERN,
        help_text=_("Pattern of the codes. Each `#` becomes a random character."),
    )
    charset = StrictCharField(
        max_length=64, default=DEFAULT_CHARSET, help_text=_("Different letters and digits that replace `#`.")
    )
    balance = AmountField(
        required=False,
        help_text=_("Initial balance of each code of an offer with `keep_balance`. Defaults to the offer's amount."),
    )


class BatchSerializer(serializers.Serializer[Any]):
    """A batch of single-use codes and the progress of its generation."""

    job = serializers.URLField(help_text=_("URL of the job's status."))
    id = serializers.UUIDField(help_text=_("ID of the batch."))
    offer = serializers.UUIDField(help_text=_("ID of the offer."))
    pattern = serializers.CharField(allow_null=True, help_text=_("Pattern of the codes. `null` for imported codes."))
    charset = serializers.CharField(allow_null=True, help_text=_("Characters that replace `#`."))
    entropy_bits = serializers.FloatField(
        allow_null=True, help_text=_("Binary logarithm of the number of codes that the pattern can generate.")
    )
    balance = serializers.CharField(
        allow_null=True, help_text=_("Initial balance of each code. `null` for the amount of the offer.")
    )
    count = serializers.IntegerField(help_text=_("Number of codes when the batch is complete."))
    generated_count = serializers.IntegerField(help_text=_("Number of codes that exist."))
    status = serializers.ChoiceField(JOB_STATUSES, help_text=_("Whether all codes exist."))
    created_at = serializers.DateTimeField(help_text=_("When the batch was created."))
    finished_at = serializers.DateTimeField(allow_null=True, help_text=_("When the batch was completed."))
    revoked_at = serializers.DateTimeField(allow_null=True, help_text=_("When the batch was revoked."))
    revoked_count = serializers.IntegerField(help_text=_("Number of codes that this revoked so far."))
    revocation_finished_at = serializers.DateTimeField(
        allow_null=True, help_text=_("When the last code of the batch was revoked.")
    )


class ImportQuerySerializer(serializers.Serializer[Any]):
    """The target of an import."""

    batch = UuidField(required=False, help_text=_("Imported batch to add the codes to. Omit for a new batch."))
    allow_weak = serializers.BooleanField(default=False, help_text=_("Import codes that are easy to guess, too."))


class ImportErrorSerializer(serializers.Serializer[Any]):
    """A line that was not imported."""

    line = serializers.IntegerField(help_text=_("Number of the line, from 1."))
    text = serializers.CharField(help_text=_("The code, or the malformed line, up to 64 characters."))
    code = serializers.ChoiceField(["invalid", "unique", "code_taken", "weak"], help_text=_("Code of the error."))
    detail = serializers.CharField(help_text=_("Explanation for people."))


class ImportResultSerializer(BatchSerializer):
    """The batch and the result of an import."""

    received = serializers.IntegerField(help_text=_("Lines with a code."))
    imported = serializers.IntegerField(help_text=_("Codes that were added."))
    existing = serializers.IntegerField(help_text=_("Codes that the batch already had."))
    rejected = serializers.IntegerField(help_text=_("Lines that were not imported."))
    errors = ImportErrorSerializer(many=True, help_text=_("The first 1,000 rejected lines."))  # type: ignore[assignment]


class AssignInputSerializer(InputSerializer):
    """The customers who get a code each: either a list of IDs or an audience."""

    customer_ids = serializers.ListField(
        child=CustomerIdField(max_length=CUSTOMER_ID_LENGTH),
        min_length=1,
        max_length=MAX_CUSTOMERS,
        required=False,
        help_text=_("Customers who get a code now."),
    )
    audience = StrictCharField(
        max_length=100, required=False, help_text=_("Segment type whose customers get a code in the background.")
    )
    notify = StrictBooleanField(
        default=False, help_text=_("Email the code to the customers who are subscribed to offers.")
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("customer_ids" in attrs) == ("audience" in attrs):
            raise serializers.ValidationError({"customer_ids": _("Provide either `customer_ids` or `audience`.")})
        return attrs


class AssignResultSerializer(serializers.Serializer[Any]):
    """The result of an assignment to customers."""

    assigned = serializers.IntegerField(help_text=_("Customers who got a code."))
    already_assigned = serializers.IntegerField(help_text=_("Customers who already had a code of the batch."))
    mailed = serializers.IntegerField(help_text=_("Customers who are emailed their code."))


class AssignmentSerializer(serializers.Serializer[Any]):
    """An assignment to an audience and its progress."""

    job = serializers.URLField(help_text=_("URL of the job's status."))
    id = serializers.UUIDField(help_text=_("ID of the assignment."))
    audience = serializers.CharField(help_text=_("Segment type of the customers."))
    notify = serializers.BooleanField(help_text=_("Whether the codes are emailed."))
    assigned = serializers.IntegerField(help_text=_("Customers who got a code."))
    already_assigned = serializers.IntegerField(help_text=_("Customers who already had a code of the batch."))
    exhausted = serializers.BooleanField(help_text=_("Whether the batch had too few codes."))
    status = serializers.ChoiceField(JOB_STATUSES, help_text=_("Whether every customer was processed."))
    finished_at = serializers.DateTimeField(allow_null=True, help_text=_("When the assignment was completed."))


def to_batch_data(
    batch: CodeBatch, *, job: str, entropy_bits: float | None, balance: StoredValue | None
) -> dict[str, Any]:
    """Return the batch as ``BatchSerializer`` describes it."""
    return {
        "job": job, "id": batch.pk, "offer": batch.offer, "pattern": batch.pattern or None,
        "charset": batch.charset or None, "entropy_bits": None if entropy_bits is None else round(entropy_bits, 1),
        "balance": None if balance is None else money.format_decimal(balance.amount, balance.currency),
        "count": batch.count, "generated_count": batch.generated_count,
        "status": "completed" if batch.is_generated else "running",
        "created_at": batch.created_at, "finished_at": batch.finished_at, "revoked_at": batch.revoked_at,
        "revoked_count": batch.revoked_count, "revocation_finished_at": batch.revocation_finished_at,
    }  # fmt: skip


def to_assignment_data(assignment: CodeAssignment, *, job: str) -> dict[str, Any]:
    """Return the assignment as ``AssignmentSerializer`` describes it."""
    return {
        "job": job, "id": assignment.pk, "audience": assignment.segment_type, "notify": assignment.notify,
        "assigned": assignment.assigned_count, "already_assigned": assignment.already_assigned_count,
        "exhausted": assignment.exhausted, "status": "running" if assignment.finished_at is None else "completed",
        "finished_at": assignment.finished_at,
    }  # fmt: skip
