"""Budgets and limits of offers in the API: their fields, how they are read and how they are shown."""

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.budgets import format_budgets, parse_budgets
from core.metadata import serialize_metadata
from core.metadata_serializers import MetadataInputSerializer, MetadataSerializer, MetadataUpdateSerializer
from core.serializer_fields import BudgetField, StrictIntegerField
from core.serializers import InputSerializer
from redemptions.limits.models import Strategy
from redemptions.limits.rules import FIELD_BY_LIMIT
from redemptions.limits.strategies.approximate import find_overshoot
from redemptions.results.api.serializers import OfferResultsSerializer, serialize_offer_results
from redemptions.uses.budgets import to_budget_fields
from redemptions.uses.models import OfferLimits, OfferTotalLimit
from redemptions.uses.selectors import get_budgets_left

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

MAX_LIMIT = 2_000_000_000


def _limit(help_text: "str | StrPromise") -> StrictIntegerField:
    return StrictIntegerField(required=False, allow_null=True, min_value=1, max_value=MAX_LIMIT, help_text=help_text)


class PeriodLimitsSerializer(InputSerializer):
    """Usage limits per period, and in units of goods. A limit that is absent or null does not apply."""

    per_day = _limit(_("Redemptions per day, in the brand's time zone."))
    per_week = _limit(_("Redemptions per week from Monday, in the brand's time zone."))
    per_month = _limit(_("Redemptions per month, in the brand's time zone."))
    units = _limit(_("Units of goods that the offer is applied to in all orders. Gifts count."))


class TotalLimitsSerializer(PeriodLimitsSerializer):
    """Usage limits in total, per period and in units of goods. A limit that is absent or null does not apply."""

    total = _limit(_("Redemptions in total."))


class LimitsSerializer(TotalLimitsSerializer):
    """Usage limits of a promotion. A limit that is absent or null does not apply."""

    per_customer = _limit(_("Redemptions per customer."))


BUDGET_HELP = _("Maximum sum of all discounts, in the brand's currency or for each currency.")
PER_ORDER_HELP = _("Maximum discount of an order, in the brand's currency or for each currency.")
PER_CUSTOMER_HELP = _("Maximum sum of a customer's discounts, in the brand's currency or for each currency.")
LIMITS_HELP = _("Usage limits.")
LIMITS_UPDATE_HELP = _("Usage limits. Omitted limits stay, `null` removes one, and `null` instead of the object all.")


STRATEGY_HELP = _("Counting method of the total limit. Only `approximate` may exceed the limit.")
OVERSHOOT_HELP = _("Largest number by which the total limit may be exceeded; 0 except for `approximate`.")


class StrategyInputSerializer(InputSerializer):
    """How the total limit is counted. It can change until the offer starts."""

    limit_strategy = serializers.ChoiceField(Strategy.values, required=False, help_text=STRATEGY_HELP)


class AmountLimitsInputSerializer(MetadataInputSerializer):
    """The maximum amounts of a new offer, and the brand's own data."""

    budget = BudgetField(required=False, help_text=BUDGET_HELP)
    max_per_order = BudgetField(required=False, help_text=PER_ORDER_HELP)
    max_per_customer = BudgetField(required=False, help_text=PER_CUSTOMER_HELP)


class AmountLimitsUpdateSerializer(MetadataUpdateSerializer):
    """Changes of the maximum amounts of an offer, of which ``null`` removes one, and of the brand's own data."""

    budget = BudgetField(required=False, allow_null=True, help_text=BUDGET_HELP)
    max_per_order = BudgetField(required=False, allow_null=True, help_text=PER_ORDER_HELP)
    max_per_customer = BudgetField(required=False, allow_null=True, help_text=PER_CUSTOMER_HELP)


class OfferLimitsSerializer(MetadataSerializer):
    """The maximum amounts and results of an offer, and the brand's own data. Visible to staff of its brand only."""

    budget = BudgetField(allow_null=True, required=False, help_text=BUDGET_HELP)
    budget_left = BudgetField(allow_null=True, required=False, help_text=_("What is left of the budget."))
    max_per_order = BudgetField(allow_null=True, required=False, help_text=PER_ORDER_HELP)
    max_per_customer = BudgetField(allow_null=True, required=False, help_text=PER_CUSTOMER_HELP)
    results = OfferResultsSerializer(
        required=False, help_text=_("What happened to the offer since it was created. Visible to brand staff only.")
    )


class TotalLimitSerializer(OfferLimitsSerializer):
    """The limits of an offer whose uses count its total limit. Visible to staff of its brand only."""

    limit_strategy = serializers.ChoiceField(Strategy.values, required=False, help_text=STRATEGY_HELP)
    max_overshoot = serializers.IntegerField(required=False, help_text=OVERSHOOT_HELP)


def to_limit_fields(data: Mapping[str, Any], *, currency: str, names: "type[InputSerializer]") -> dict[str, Any]:
    """Convert maximum amounts and ``limits`` of a validated request to fields of the model.

    ``names`` is the serializer of the limits that the kind has. Raises InvalidRequest.
    """
    fields: dict[str, Any] = {}
    if "budget" in data:
        fields |= to_budget_fields(parse_budgets(data["budget"], currency=currency), currency=currency)
    for name in ("max_per_order", "max_per_customer"):
        if name in data:
            fields[name] = parse_budgets(data[name], currency=currency, field=name)
    limits = data.get("limits", {})
    if limits is None:
        limits = dict.fromkeys(map(str, names().fields))
    fields |= {name: data[name] for name in ("limit_strategy",) if name in data}
    return fields | {FIELD_BY_LIMIT[name]: limit for name, limit in limits.items()}


def serialize_staff_fields(
    offers: Sequence[OfferLimits], *, names: "type[InputSerializer]"
) -> dict[uuid.UUID, dict[str, Any]]:
    """Return what only the staff of a brand see of its offers, by ID: own data, maximum amounts, limits and results."""
    limits, results = serialize_limits(offers, names=names), serialize_offer_results(offers)
    return {
        offer.offer_key: {
            **serialize_metadata(offer),
            **limits[offer.offer_key],
            "results": results[offer.offer_key],
        }
        for offer in offers
    }


def serialize_limits(offers: Sequence[OfferLimits], *, names: "type[InputSerializer]") -> dict[uuid.UUID, Any]:
    """Return the maximum amounts, what is left of budgets, and the limits of offers, by ID; one query, or none."""
    left = get_budgets_left(offers=[offer.limits for offer in offers])
    return {offer.limits.id: _serialize_limits(offer, left[offer.limits.id], names) for offer in offers}


def _serialize_limits(
    offer: OfferLimits, budgets_left: Mapping[str, int], names: "type[InputSerializer]"
) -> dict[str, Any]:
    return {
        "budget": format_budgets(offer.budgets, currency=offer.currency),
        "budget_left": format_budgets(budgets_left, currency=offer.currency),
        "max_per_order": format_budgets(offer.max_per_order, currency=offer.currency),
        "max_per_customer": format_budgets(offer.max_per_customer, currency=offer.currency),
        "limits": {name: getattr(offer, FIELD_BY_LIMIT[name]) for name in map(str, names().fields)},
        **(serialize_strategy(offer.limit_strategy, offer.limit_total) if isinstance(offer, OfferTotalLimit) else {}),
    }


def serialize_strategy(strategy: str, total: int | None) -> dict[str, Any]:
    """Return how a total limit is counted, and by how much it may be exceeded."""
    is_approximate = total is not None and strategy == Strategy.APPROXIMATE
    return {"limit_strategy": strategy, "max_overshoot": find_overshoot(total) if is_approximate and total else 0}
