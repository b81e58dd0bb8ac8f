"""Description of a whole offer, and of how it combines with others."""

from __future__ import annotations

from functools import reduce

from django.utils.translation import gettext as _

from backoffice.base.descriptions.benefits import describe_benefit
from backoffice.base.descriptions.conditions import describe_condition
from backoffice.base.descriptions.formats import format_times
from pricing import offer as o
from pricing.amounts import get_default_currency


def describe_offer(offer: o.Offer, currency: str) -> str:
    """Describe the benefits and conditions of an offer in the active language.

    `currency` is the brand's; it applies to amounts that name no currency.
    """
    currency = get_default_currency(offer, currency) or currency
    benefits = [describe_benefit(benefit, currency) for benefit in offer.benefits]
    sentence = _join(_("%(first)s; and %(second)s"), benefits)
    if offer.conditions:
        clauses = [describe_condition(condition, currency) for condition in offer.conditions]
        joined = _join(_("%(first)s and %(second)s"), clauses)
        text = _("%(benefits)s, when %(conditions)s") if "," in sentence else _("%(benefits)s when %(conditions)s")
        sentence = text % {"benefits": sentence, "conditions": joined}
    combination = describe_combination(offer)
    return sentence[0].upper() + sentence[1:] + "." + (f" {combination}" if combination else "")


def _join(text: str, parts: list[str]) -> str:
    return reduce(lambda first, second: text % {"first": first, "second": second}, parts)


def describe_combination(offer: o.Offer) -> str:
    """Describe how the offer combines with others, where that differs from the default."""
    sentences = []
    if offer.exclusive:
        sentences.append(_("Can't be combined with other offers."))
    if offer.with_exclusive:
        sentences.append(_("Also applies together with exclusive offers."))
    if not offer.combinable and not offer.exclusive:
        sentences.append(_("Replaces other offers when it saves more."))
    if offer.group:
        sentences.append(_("Only the best offer of group %(group)s applies.") % {"group": offer.group})
    if offer.max_applications:
        sentences.append(_("Applies %(times)s per order.") % {"times": format_times(offer.max_applications)})
    if offer.lane:
        sentences.append(_("Lane %(number)s.") % {"number": offer.lane})
    return " ".join(sentences)
