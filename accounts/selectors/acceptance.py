"""Reads of the brands whose offers a caller may get."""

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet

from accounts import rules
from accounts.contracts import Acceptance, Caller, CheckoutBy
from accounts.models import Brand


def get_acceptance(*, caller: Caller) -> Acceptance:
    """Return the brands whose offers a caller may get."""
    return rules.decide_acceptance(caller)


def list_brands_without(
    *, brand_ids: Collection[uuid.UUID] | QuerySet[Any, uuid.UUID], checkout_by: Collection[CheckoutBy]
) -> list[str]:
    """Return the names of those of the brands whose checkout is by none of these. ``brand_ids`` may be a subquery."""
    brands = Brand.objects.filter(pk__in=brand_ids).exclude(checkout_by__in=checkout_by)
    return list(brands.order_by("name").values_list("name", flat=True))
