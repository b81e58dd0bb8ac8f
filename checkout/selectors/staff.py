"""Reads of redemptions for admin pages."""

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import Exists, OuterRef, Q

from checkout.models import Redemption, RedemptionItem, RedemptionPart


def find_for_staff(*, pk: uuid.UUID, brand_ids: Collection[Any] | None) -> Redemption | None:
    """Return a redemption that concerns the brands, no matter who sent it, or None."""
    rows = Redemption.objects.select_related("brand", "customer")
    if brand_ids is not None:
        rows = rows.filter(_concerns(brand_ids))
    return rows.filter(pk=pk).first()


def _concerns(brand_ids: Collection[Any]) -> Q:
    return Q(pk__in=RedemptionPart.objects.filter(brand__in=brand_ids).values("redemption"))


def is_editable_by_staff(redemption: Redemption, brand_ids: Collection[Any] | None) -> bool:
    """Return whether staff who may edit these brands (None for all) may refund a redemption.

    A brand may change what its own server sent, and what no brand's server sent with no other brand's offers.
    """
    if brand_ids is None or redemption.brand_id in brand_ids:
        return True
    return redemption.brand_id is None and are_all_editable(redemption, brand_ids)


def are_all_editable(redemption: Redemption, editable: Collection[uuid.UUID]) -> bool:
    """Return whether a redemption has offers, all of them of these brands."""
    brand_ids = set(redemption.items.values_list("brand_id", flat=True)) if editable else set()
    return bool(brand_ids) and brand_ids <= set(editable)


def sent_without_brand(brand_ids: Collection[Any] | None) -> Q:
    """Return the condition for redemptions that no brand's server sent and whose offers all belong to these brands."""
    if brand_ids is None:
        return Q(brand=None)
    items = RedemptionItem.objects.filter(redemption=OuterRef("pk"))
    return Q(Exists(items.filter(brand__in=brand_ids)), ~Exists(items.exclude(brand__in=brand_ids)), brand=None)


def get_timezone(redemption: Redemption) -> str:
    """Return the time zone of a redemption's brand; without a brand, that of its first offer's brand."""
    if redemption.brand:
        return redemption.brand.timezone
    item = redemption.items.select_related("brand").order_by("position").first()
    return item.brand.timezone if item else "UTC"
