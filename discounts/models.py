"""Discount rules, codes, their uses and what became of them."""

from typing import ClassVar

import pghistory
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from accounts.models import Brand, Customer, User
from core.ids import uuid7
from promotions.models import Code


@pghistory.track()
class DiscountRule(models.Model):
    """What a code gives: a whole percentage, perhaps only to an audience or under conditions.

    Several codes may share it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="discount_rules")
    name = models.CharField(max_length=100, blank=True, default="")
    discount = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(99)], help_text="Per cent, 1 to 99"
    )
    audience = models.CharField(
        max_length=100, blank=True, default="", help_text="Segment type whose members may use it; empty for all"
    )
    terms = models.JSONField(blank=True, default=dict, help_text="Conditions and narrowing in the offer language")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(discount__gte=1, discount__lte=99), name="discounts_rule_percentage"
            ),
            models.UniqueConstraint("id", "brand", name="discounts_rule_brand"),
        ]
        indexes: ClassVar = [models.Index(fields=["brand", "-created_at"], name="discounts_rule_recent")]

    def __str__(self) -> str:
        return self.name or f"{self.discount} %"


@pghistory.track()
class DiscountCode(models.Model):
    """A brand's human-readable code, once per shopper until its validity ends. Never deleted, only deactivated."""

    code = models.OneToOneField(Code, models.PROTECT, related_name="+", db_column="code")
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="discount_codes")
    rule = models.ForeignKey(DiscountRule, models.PROTECT, related_name="codes")
    validity = models.DateTimeField(help_text="The instant at which it stops being valid")
    is_active = models.BooleanField("active", default=True)
    notify = models.BooleanField(default=True, help_text="Announced to shoppers by e-mail")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, editable=False, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar = [models.Index(fields=["brand", "-id"], name="discounts_code_of_brand")]

    def __str__(self) -> str:
        return self.code_id


class Usage(models.Model):
    """A shopper uses a code, once: the table's key is (code, customer).

    The table is partitioned by code (see the migration) and grows by 100 million rows a year. ``reserved_until`` is
    set while a checkout holds the use and empty once it is final. Amounts are minor units of ``currency``.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    code = models.ForeignKey(
        DiscountCode, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="usages"
    )
    customer = models.ForeignKey(Customer, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    redeemed_at = models.DateTimeField(db_column="used_at")
    reserved_until = models.DateTimeField(null=True)
    redemption_id = models.UUIDField(null=True)
    currency = models.CharField(max_length=3, null=True)
    amount = models.BigIntegerField(null=True, help_text="What the percentage was taken of")
    discount_amount = models.BigIntegerField(null=True)

    class Meta:
        db_table = "discounts_usage"
        verbose_name = "use"

    def __str__(self) -> str:
        return f"{self.code_id} by {self.customer_id}"


class UsageReturn(models.Model):
    """A use that was given back, as it was: append-only."""

    usage_id = models.UUIDField(primary_key=True, editable=False)
    code = models.ForeignKey(DiscountCode, models.PROTECT, related_name="returns")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    redeemed_at = models.DateTimeField(db_column="used_at")
    returned_at = models.DateTimeField()
    currency = models.CharField(max_length=3, null=True)
    amount = models.BigIntegerField(null=True)
    discount_amount = models.BigIntegerField(null=True)
    redemption_id = models.UUIDField(null=True)

    class Meta:
        verbose_name = "returned use"

    def __str__(self) -> str:
        return f"{self.code_id} by {self.customer_id}"


class UsageNotification(models.Model):
    """A use that the brand is still to be told about; written with the use, gone with the digest that tells it."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    code = models.CharField(max_length=64)
    redeemed_at = models.DateTimeField(db_column="used_at")
    currency = models.CharField(max_length=3, null=True)
    amount = models.BigIntegerField(null=True)
    discount_amount = models.BigIntegerField(null=True)

    class Meta:
        db_table = "discounts_usenotice"
        indexes: ClassVar = [models.Index(fields=["brand", "id"], name="discounts_notice_of_brand")]

    def __str__(self) -> str:
        return f"{self.code} at {self.redeemed_at}"
