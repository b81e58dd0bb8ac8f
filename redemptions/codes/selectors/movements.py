"""Reads of the movements of balances by customers and orders."""

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from redemptions.balances.models import BalanceMovement
from redemptions.codes.models import Code


def list_movements_of_customer(*, customer: int | None, brand_id: uuid.UUID | None) -> QuerySet[BalanceMovement]:
    """Return the movements of codes that are assigned to a customer, of one brand or of all, newest first."""
    codes = Code.objects.filter(customer_id=customer or -1)
    if brand_id is not None:
        codes = codes.filter(brand=brand_id)
    own = codes.filter(offer=OuterRef("offer_id"), text=OuterRef("code"))
    movements = BalanceMovement.objects.filter(offer_id__in=codes.values("offer"), code__in=codes.values("text"))
    return movements.filter(Exists(own)).order_by("-pk")


def list_movements_of_order(*, redemption: uuid.UUID, brand_ids: Collection[Any] | None) -> QuerySet[BalanceMovement]:
    """Return the movements of balances by an order, oldest first: of codes of these brands, or of all for None."""
    movements = BalanceMovement.objects.filter(redemption_id=redemption).order_by("pk")
    if brand_ids is None:
        return movements
    return movements.filter(Exists(Code.objects.filter(offer=OuterRef("offer_id"), brand__in=brand_ids)))
