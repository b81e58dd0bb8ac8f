"""What codes need to know about promotions."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from core.errors import DomainError, InvalidRequest
from pricing import load_offer
from promotions.models import Promotion, Trigger
from redemptions.contracts import CodeOffer
from redemptions.statuses import UPCOMING_OR_ACTIVE
from redemptions.stored_values import find_stored_value


def describe_code_offers(*, offers: Collection[uuid.UUID], at: datetime) -> Mapping[uuid.UUID, CodeOffer]:
    """Return the promotions with these IDs as ``CodeBackend.describe_code_offers`` describes them."""
    promotions = Promotion.objects.select_related("brand").filter(pk__in=offers)
    return {promotion.pk: _describe(promotion, at) for promotion in promotions}


def _describe(promotion: Promotion, at: datetime) -> CodeOffer:
    status = promotion.status_at(at)
    return CodeOffer(
        id=promotion.pk,
        brand_id=promotion.brand_id,
        name=promotion.name,
        description=promotion.description,
        start_date=promotion.start_date,
        end_date=promotion.end_date,
        status=status,
        is_live=promotion.brand.is_active and status in UPCOMING_OR_ACTIVE,
        url=reverse("admin:promotions_promotion_change", args=[promotion.pk]),
        stored_value=find_stored_value(load_offer(promotion.offer), currency=promotion.currency),
        error=_find_error(promotion),
    )


def _find_error(promotion: Promotion) -> DomainError | None:
    if promotion.trigger != Trigger.CODE:
        return InvalidRequest.field("trigger", _("Automatic promotions can't have codes."))
    return None
