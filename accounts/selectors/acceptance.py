"""Reads of the brands whose offers a caller may get."""

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import Q, QuerySet

from accounts import rules
from accounts.contracts import Acceptance, Caller, CheckoutBy, Grant
from accounts.models import AcceptanceGrant, Brand


def get_acceptance(*, caller: Caller, brands: Collection[str] | None = None) -> Acceptance:
    """Return the brands whose offers a caller may get. Takes one query, none if only the caller's own brand matters.

    ``brands`` are the slugs of other brands that matter, None for all.
    """
    may_matter = brands is None or brands
    grants = find_grants(acceptor=caller.brand_id, brands=brands) if caller.brand_id and may_matter else {}
    return rules.decide_acceptance(caller, grants)


def find_grants(*, acceptor: uuid.UUID, brands: Collection[str] | None = None) -> dict[uuid.UUID, Grant]:
    """Return what brands currently grant to another brand, by the granting brand."""
    grants = AcceptanceGrant.objects.filter(acceptor=acceptor, ended_at=None)
    if brands is not None:
        grants = grants.filter(issuer__slug__in=brands)
    columns = ("issuer", "issuer__slug", "kinds", "max_per_month", "issuer__timezone")
    return {
        issuer: Grant(slug, rules.grant_key(issuer, acceptor), frozenset(kinds), max_per_month, timezone)
        for issuer, slug, kinds, max_per_month, timezone in grants.values_list(*columns)
    }


def list_grants(*, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[AcceptanceGrant]:
    """Return the grants of these brands and to them, current and ended ones; None stands for all brands."""
    grants = AcceptanceGrant.objects.select_related("issuer", "acceptor")
    if brand_ids is None:
        return grants
    return grants.filter(Q(issuer__in=brand_ids) | Q(acceptor__in=brand_ids))


def list_brands_without(
    *, brand_ids: Collection[uuid.UUID] | QuerySet[Any, uuid.UUID], checkout_by: Collection[CheckoutBy]
) -> list[str]:
    """Return the names of those of the brands whose checkout is by none of these. ``brand_ids`` may be a subquery."""
    brands = Brand.objects.filter(pk__in=brand_ids).exclude(checkout_by__in=checkout_by)
    return list(brands.order_by("name").values_list("name", flat=True))
