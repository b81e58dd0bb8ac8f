"""Description of a whole offer, and of how it combines with others."""

from __future__ import annotations

from pricing import offer as o
from pricing.amounts import get_default_currency
from pricing.description.benefits import describe_benefit
from pricing.description.conditions import describe_condition
from pricing.description.formats import format_times


def describe_offer(offer: o.Offer, currency: str) -> str:
    """Describe the benefits and conditions of an offer.

    `currency` is the brand's; it applies to amounts that name no currency.
    """
    currency = get_default_currency(offer, currency) or currency
    sentence = "; and ".join(describe_benefit(benefit, currency) for benefit in offer.benefits)
    if offer.conditions:
        conditions = " and ".join(describe_condition(condition, currency) for condition in offer.conditions)
        sentence += f"{',' if ',' in sentence else ''} when {conditions}"
    combination = describe_combination(offer)
    return sentence[0].upper() + sentence[1:] + "." + (f" {combination}" if combination else "")


def describe_combination(offer: o.Offer) -> str:
    """Describe how the offer combines with others, where that differs from the default."""
    sentences = [
        "Can't be combined with other offers." if offer.exclusive else "",
        "Also applies together with exclusive offers." if offer.with_exclusive else "",
        "" if offer.combinable or offer.exclusive else "Replaces other offers when it saves more.",
        f"Only the best offer of group {offer.group} applies." if offer.group else "",
        f"Applies {format_times(offer.max_applications)} per order." if offer.max_applications else "",
        f"Lane {offer.lane}." if offer.lane else "",
    ]
    return " ".join(filter(None, sentences))
