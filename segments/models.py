"""Audiences as the data platform sends them."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from accounts.models import Brand, Customer


class Audience(models.Model):
    """The customers of one brand that belong to one segment type, such as ``purchased_more_than_twice``."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="audiences")
    segment_type = models.CharField(max_length=100)
    version = models.BigIntegerField(null=True, blank=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["segment_type"]
        constraints = [models.UniqueConstraint("brand", "segment_type", name="segments_audience_once")]

    def __str__(self) -> str:
        return self.segment_type


class AudienceMember(models.Model):
    """A customer is in an audience."""

    pk = models.CompositePrimaryKey("audience_id", "customer_id")
    audience = models.ForeignKey(Audience, models.CASCADE, related_name="members")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+", db_index=False)

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.audience_id}"
