"""Customers that a brand has merged into others."""

from typing import ClassVar

import pghistory
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.brands import Brand
from accounts.models.users import Customer


@pghistory.track()
class CustomerMerge(models.Model):
    """A customer, the source, who is another customer, the target, for a brand.

    What the brand's servers say of the source is said of the target from then on.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False, verbose_name=_("brand"))
    source = models.ForeignKey(Customer, models.PROTECT, related_name="merges", verbose_name=_("merged customer"))
    target = models.ForeignKey(Customer, models.PROTECT, related_name="+", verbose_name=_("customer"))
    merged_at = models.DateTimeField(_("merged"))

    class Meta:
        verbose_name = _("merge of customers")
        verbose_name_plural = _("merges of customers")
        constraints: ClassVar = [
            models.UniqueConstraint("brand", "source", name="accounts_merge_once"),
            models.CheckConstraint(condition=~models.Q(source=models.F("target")), name="accounts_merge_of_two"),
        ]

    def __str__(self) -> str:
        return _("%(source)s into %(target)s") % {
            "source": self.source.customer_id, "target": self.target.customer_id,
        }  # fmt: skip
