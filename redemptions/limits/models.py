"""The table of limits, which every kind of offer shares."""

from django.db import models


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
