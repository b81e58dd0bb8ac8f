"""Reads of past orders and promotions, for backtests and simulations."""

import uuid
from datetime import datetime

from django.db.models import Q

from accounts.models import Brand
from checkout.models import Redemption
from checkout.selectors.staff import sent_without_brand
from promotions.models import Promotion
from promotions.selectors.promotions import list_for_brands
from redemptions.lifecycle import status_condition
from redemptions.statuses import PAID, OfferDecision, OfferStatus

MAX_PROMOTIONS = 100


def list_confirmed(*, brand_id: uuid.UUID, start: uuid.UUID, end: uuid.UUID, limit: int) -> list[Redemption]:
    """Return the brand's first confirmed redemptions with ``start`` <= ID < ``end``, oldest first.

    Includes orders that no brand's server sent if all of their offers belong to the brand. Runs two queries, one per
    index.
    """
    period = Redemption.objects.filter(pk__gte=start, pk__lt=end, status__in=PAID).order_by("pk")
    from_server, others = period.filter(brand=brand_id), period.filter(sent_without_brand([brand_id]))
    redemptions = [*from_server[:limit], *others[:limit]]
    return sorted(redemptions, key=lambda redemption: redemption.pk)[:limit]


def list_recent_promotions(brand: Brand, *, at: datetime) -> list[Promotion]:
    """Return the brand's newest promotions that haven't ended, at most 100."""
    is_open = Q(decision=OfferDecision.DRAFT) | status_condition(OfferStatus.SCHEDULED, at)
    rows = list_for_brands(brand_ids=[brand.pk]).filter(is_open | status_condition(OfferStatus.ACTIVE, at))
    return list(rows[:MAX_PROMOTIONS])
