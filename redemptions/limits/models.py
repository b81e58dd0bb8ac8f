"""The table of limits, which every kind of offer shares."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Strategy(models.TextChoices):
    """Counting method of a total limit under concurrent redemptions (``docs/algorithms/limit-strategies.md``)."""

    EXACT = "exact", _("Exact")
    SHARDED = "sharded", _("Sharded")
    POOL = "pool", _("Pool")
    APPROXIMATE = "approximate", _("Approximate")


class BudgetThreshold(models.Model):
    """A share of a budget, in percent, that was used, and has its event. Another budget (``cap``) has thresholds again.

    ``cap`` is in minor units of the currency of ``scope``.
    """

    pk = models.CompositePrimaryKey("owner", "scope", "cap", "percent")
    owner = models.UUIDField()
    scope = models.TextField(db_collation="C")
    cap = models.BigIntegerField()
    percent = models.PositiveSmallIntegerField()
    reached_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.percent}% of {self.scope} of {self.owner}"


class Limit(models.Model):
    """The usage of a limit: ``taken`` of ``cap``. A large limit is split into shards.

    ``owner`` is the ID of the offer, of any kind. ``scope`` and ``slot`` are those of
    ``redemptions.limits.contracts.LimitRequest``. Rows appear when they are first needed; a missing shard has the share
    of ``redemptions.limits.rules.split_limit``. The row with ``rules.EXCESS_SHARD`` has the excess of a limit that was
    lowered below its usage as its cap.

    The row of a pool counts the units that exist (``LimitUnit``). The cap of an approximate limit is its hard cap: the
    limit plus the largest overshoot.
    """

    pk = models.CompositePrimaryKey("owner", "scope", "slot", "shard")
    owner = models.UUIDField()
    scope = models.TextField(db_collation="C")
    slot = models.TextField(blank=True, default="", db_collation="C")
    shard = models.SmallIntegerField(default=0)
    taken = models.BigIntegerField(default=0)
    cap = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(taken__gte=0, taken__lte=models.F("cap")), name="redemptions_limit_within_cap"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.slot} of {self.owner}: {self.taken} of {self.cap}"


class LimitUnit(models.Model):
    """Unit of a pool, the total limit of an offer, created in advance; free while it has no redemption."""

    pk = models.CompositePrimaryKey("owner", "number")
    owner = models.UUIDField()
    number = models.IntegerField()
    redemption_id = models.UUIDField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["owner", "number"],
                name="redemptions_unit_free",
                condition=models.Q(redemption_id__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.owner} unit {self.number}"
