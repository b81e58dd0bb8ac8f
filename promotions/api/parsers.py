"""Conversion of API requests to fields of the model."""

from collections.abc import Mapping
from typing import Any

from accounts.models import Brand
from core.metadata import pick_metadata
from core.serializer_fields import localize
from redemptions.api.limits import LimitsSerializer, to_limit_fields
from redemptions.statuses import OfferDecision, OfferStatus

SIMPLE_FIELDS = ("name", "description", "target_audience", "trigger", "offer", "priority")


def to_model_fields(data: Mapping[str, Any], brand: Brand) -> dict[str, Any]:
    """Convert validated data to fields of the model: dates to the brand's midnight, budgets to minor units."""
    fields = {name: data[name] for name in SIMPLE_FIELDS if name in data}
    fields |= {name: localize(data[name], brand.timezone) for name in ("start_date", "end_date") if name in data}
    if "status" in data:
        is_draft = data["status"] == OfferStatus.DRAFT
        fields["decision"] = OfferDecision.DRAFT if is_draft else OfferDecision.PUBLISHED
    return fields | pick_metadata(data) | to_limit_fields(data, currency=brand.currency, names=LimitsSerializer)
