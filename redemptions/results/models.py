"""Tables of results: sums of events by quarter of an hour and by offer, and how far they have been summed."""

from django.db import models

COUNTS = (
    "reserved", "confirmed", "released", "expired", "returned", "orders", "gross", "discount", "returned_discount",
)  # fmt: skip

RISING = tuple(name for name in COUNTS if name not in ("gross", "discount"))  # an amendment may reduce the others


class EventSums(models.Model):
    """Sums of events in one currency, in minor units."""

    reserved = models.BigIntegerField()
    confirmed = models.BigIntegerField()
    released = models.BigIntegerField()
    expired = models.BigIntegerField()
    returned = models.BigIntegerField()
    orders = models.BigIntegerField()
    gross = models.BigIntegerField()
    discount = models.BigIntegerField()
    returned_discount = models.BigIntegerField()

    class Meta:
        abstract = True


class ResultBucket(EventSums):
    """Sums of the events of a quarter of an hour (UTC) in one currency, in minor units.

    There is a row for the offer, one for all offers of the kind (``offer_id`` is ``NO_OFFER``) and one for all kinds of
    the brand (``kind`` is empty, too), because ``orders`` and ``gross`` count an order once, so that they can't be
    added up over offers. Attempts without an order count as an order each.
    """

    pk = models.CompositePrimaryKey("brand_id", "kind", "offer_id", "starts_at", "currency")
    brand_id = models.UUIDField()
    kind = models.CharField(max_length=20, blank=True, default="")
    offer_id = models.UUIDField()
    starts_at = models.DateTimeField()
    currency = models.CharField(max_length=3, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(**{f"{name}__gte": 0 for name in RISING}), name="redemptions_resultbucket_sums"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.offer_id} from {self.starts_at}: {self.confirmed}"


class RejectionBucket(models.Model):
    """Refused attempts of a quarter of an hour (UTC) by the code of the reason, with the same levels of rows."""

    pk = models.CompositePrimaryKey("brand_id", "kind", "offer_id", "starts_at", "reason")
    brand_id = models.UUIDField()
    kind = models.CharField(max_length=20, blank=True, default="")
    offer_id = models.UUIDField()
    starts_at = models.DateTimeField()
    reason = models.CharField(max_length=64, blank=True, default="")
    rejected = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(rejected__gte=0), name="redemptions_rejectionbucket_sums"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.offer_id} from {self.starts_at}, {self.reason}: {self.rejected}"


class OfferTotal(EventSums):
    """Sums of all events of an offer in one currency, in minor units."""

    pk = models.CompositePrimaryKey("offer_id", "currency")
    offer_id = models.UUIDField()
    currency = models.CharField(max_length=3, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(**{f"{name}__gte": 0 for name in RISING}), name="redemptions_offertotal_sums"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.offer_id}: {self.confirmed}"
