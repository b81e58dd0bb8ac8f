"""Codes of offers of every kind, their batches, and the assignment of codes to customers."""

from typing import ClassVar

import pghistory
from django.db import models
from django.db.models.functions import Cast, Now, Replace
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, Customer
from core.ids import uuid7

EXPORTED, REVOKED = "exported", "revoked"  # labels of events of the audit log


@pghistory.track(
    pghistory.ManualEvent(EXPORTED),  # type: ignore[no-untyped-call]
    pghistory.ManualEvent(REVOKED),  # type: ignore[no-untyped-call]
    fields=["kind", "brand", "offer", "pattern", "generated_count"],
    model_name="CodeBatchEvent",
)
class CodeBatch(models.Model):
    """Single-use codes of one offer, generated in the background from a pattern, or imported.

    ``generated_count`` of ``count`` codes exist. An imported batch has no pattern, and its ``count`` grows with each
    import. A batch that is revoked at ``revoked_at`` gets no more codes; its codes are revoked in the background,
    up to the text ``revoked_to`` so far, and ``revoked_count`` of them were not revoked before.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", editable=False)
    offer = models.UUIDField(_("offer"), editable=False, help_text=_("ID of the offer that the codes belong to."))
    pattern = models.CharField(max_length=64, blank=True, help_text=_("Each # becomes a random character."))
    charset = models.CharField(max_length=64, blank=True)
    count = models.PositiveIntegerField(_("number of codes"), help_text=_("Number of codes to generate."))
    generated_count = models.PositiveIntegerField(default=0, editable=False, db_column="made")
    balance = models.BigIntegerField(
        _("balance"), null=True, editable=False, help_text=_("Initial balance of each code, in minor units.")
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    revoked_to = models.CharField(max_length=64, db_default="", editable=False, db_collation="C")
    revoked_count = models.PositiveIntegerField(db_default=0, editable=False)
    revocation_finished_at = models.DateTimeField(null=True, editable=False)

    audit_brand_path: ClassVar = "brand"

    class Meta:
        db_table = "promotions_codebatch"
        verbose_name = _("code batch")
        verbose_name_plural = _("code batches")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(generated_count__lte=models.F("count")), name="promotions_batch_made"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["offer", "-id"], name="redemptions_batches_of_offer")]

    def __str__(self) -> str:
        return f"{self.count} {self.pattern or 'imported codes'}"

    @property
    def is_generated(self) -> bool:
        """Whether all codes of the batch exist."""
        return self.generated_count == self.count

    @property
    def is_being_revoked(self) -> bool:
        """Whether codes of a revoked batch are still to be revoked."""
        return self.revoked_at is not None and self.revocation_finished_at is None


class Code(models.Model):
    """A code that shoppers enter, and the offer it belongs to.

    ``canonical`` is the form by which codes are compared, without hyphens and underscores. A brand has it once among
    its codes that are not archived, and an offer once for all time, so a text identifies a code of an offer.
    A revoked code keeps its text until its offer is archived, so nobody who knows it gets another offer with it.
    """

    text = models.CharField(max_length=64, db_collation="C")
    canonical = models.GeneratedField(
        expression=Replace(Replace("text", models.Value("-")), models.Value("_")),
        output_field=models.CharField(max_length=64, db_collation="C"),
        db_persist=True,
    )
    kind = models.CharField(max_length=20)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False)
    offer = models.UUIDField(_("offer"), help_text=_("ID of the offer that the code is redeemed for."))
    batch = models.ForeignKey(CodeBatch, models.CASCADE, null=True, blank=True, related_name="codes", db_index=False)
    customer = models.ForeignKey(
        Customer, models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("assigned customer"),
        help_text=_("Only this customer can redeem the code."),
    )  # fmt: skip
    single_use = models.BooleanField(_("single-use"), default=False, help_text=_("The code can be redeemed once."))
    balance = models.BigIntegerField(
        _("balance"), null=True, editable=False,
        help_text=_("Initial balance in minor units. Without it, a code that keeps a balance has the offer's amount."),
    )  # fmt: skip
    expires_at = models.DateTimeField(
        _("expires"), null=True, help_text=_("When the code ends (exclusive), if that is before its offer does.")
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False, help_text=_("Since then the code can't be redeemed."))
    archived_at = models.DateTimeField(
        null=True, editable=False, help_text=_("Since then the code can't be redeemed, and its text can be used again.")
    )

    class Meta:
        db_table = "promotions_code"
        indexes: ClassVar = [
            models.Index(fields=["offer"], name="redemptions_codes_generic", condition=models.Q(batch__isnull=True)),
            models.Index(
                fields=["canonical", "brand"],
                name="redemptions_codes_archived",
                condition=models.Q(archived_at__isnull=False),
            ),
            models.Index(
                models.Func(Cast("canonical", models.BinaryField()), function="sha256"),
                name="redemptions_codes_by_digest",
                condition=models.Q(archived_at__isnull=True),
            ),
            models.Index(
                fields=["batch", "text"], name="promotions_codes_of_batch", condition=models.Q(batch__isnull=False)
            ),
            models.Index(
                fields=["batch", "text"],
                name="promotions_codes_free",
                condition=models.Q(batch__isnull=False, customer__isnull=True),
            ),
            models.Index(
                fields=["customer"], name="promotions_codes_assigned", condition=models.Q(customer__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(balance__gt=0), name="redemptions_code_balance"),
            models.CheckConstraint(condition=models.Q(text__regex=r"^[A-Z0-9_-]{3,64}$"), name="promotions_code_text"),
            models.CheckConstraint(
                condition=models.Q(canonical__regex=r"^[A-Z0-9]{3,64}$"), name="redemptions_code_canonical"
            ),
            models.UniqueConstraint(
                "canonical",
                "brand",
                name="redemptions_code_once_per_brand",
                condition=models.Q(archived_at__isnull=True),
            ),
            models.UniqueConstraint("offer", "canonical", name="redemptions_code_once_per_offer"),
            models.UniqueConstraint(
                "batch",
                "customer",
                name="promotions_one_code_per_customer_of_batch",
                condition=models.Q(
                    batch__isnull=False, customer__isnull=False, archived_at__isnull=True, revoked_at__isnull=True
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.text


class CodeAssignment(models.Model):
    """The assignment of a batch's codes to the customers of an audience, one code each, in the background.

    ``cursor`` is the key of the last customer that was processed.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    batch = models.ForeignKey(CodeBatch, models.CASCADE, related_name="assignments")
    segment_type = models.CharField(max_length=100)
    notify = models.BooleanField(default=False)
    cursor = models.BigIntegerField(default=0, editable=False)
    assigned_count = models.PositiveIntegerField(default=0, editable=False, db_column="assigned")
    already_assigned_count = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("Customers who already had a code."), db_column="already"
    )
    exhausted = models.BooleanField(_("not enough codes"), default=False, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "promotions_codeassignment"

    def __str__(self) -> str:
        return f"Batch {self.batch_id} to {self.segment_type}"
