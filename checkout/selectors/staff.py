"""Reads of redemptions for admin pages."""

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts import selectors as accounts
from accounts.models import Brand
from checkout.models import Redemption, RedemptionItem


def list_for_staff(*, brand_ids: Collection[Any] | None, is_from_shoppers: bool = False) -> QuerySet[Redemption]:
    """Return the redemptions of the brands, newest first: those of servers, or those that shoppers sent.

    ``brand_ids`` None stands for all brands.
    """
    rows = Redemption.objects.order_by("-pk")
    if is_from_shoppers:
        return rows.filter(sent_without_brand(brand_ids))
    return rows if brand_ids is None else rows.filter(brand__in=brand_ids)


def find_for_staff(*, pk: uuid.UUID, brand_ids: Collection[Any] | None) -> Redemption | None:
    """Return a redemption of the brands, no matter who sent it, or None."""
    rows = Redemption.objects.select_related("brand", "customer")
    if brand_ids is not None:
        rows = rows.filter(Q(brand__in=brand_ids) | sent_without_brand(brand_ids))
    return rows.filter(pk=pk).first()


def search_redemptions(
    rows: QuerySet[Redemption], *, term: str, brand_ids: Collection[Any] | None
) -> QuerySet[Redemption]:
    """Restrict redemptions to those with this order reference or customer ID."""
    of_brands = Brand.objects.values_list("pk", flat=True) if brand_ids is None else brand_ids
    of_order = Q(order=term, brand__in=list(of_brands)) | Q(order=term, brand=None)  # each along its own index
    return rows.filter(of_order | Q(customer=accounts.customer_key(term)))


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
