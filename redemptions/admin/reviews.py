"""What people see before they activate an offer: its terms, who can redeem it, warnings, and what would refuse it."""

from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from backoffice.base.formatting import format_datetime, format_number
from core import db
from core.errors import DomainError
from pricing import Offer, load_offer
from pricing.errors import OfferInvalid
from redemptions.lifecycle import Action, offer_models
from redemptions.limits.rules import is_per_customer
from redemptions.statuses import OfferDecision

MAX_NAMES = 5  # of other offers in the period


@dataclass(frozen=True, slots=True)
class Review:
    """An offer before its activation: its sentence, facts as label and value, warnings, and pages to look at first."""

    summary: str
    facts: Sequence[tuple[str, str]]
    warnings: Sequence[str] = ()
    links: Sequence[tuple[str, str]] = ()


def build_review(
    offer: Any,
    *,
    document: object,
    summary: str,
    facts: Sequence[tuple[str, str]],
    counted: Collection[str] = (),
    links: Sequence[tuple[str, str]] = (),
) -> Review:
    """Return the review of an offer with its stored ``document``, and the facts that its kind adds.

    ``counted`` are scopes that every offer of the kind limits.
    """
    others = [(_("Other offers in this period"), describe_overlap(offer))]
    scopes = {*offer.limits.caps, *offer.own_caps, *offer.customer_caps, *counted}
    return Review(summary, [*facts, *others], list_warnings(document, scopes), links)


def list_warnings(document: object, scopes: Set[str]) -> list[str]:
    """Return what an offer with limits of these scopes leaves open that can become expensive."""
    is_limited_per_customer = any(map(is_per_customer, scopes))
    is_limited = not all(map(is_per_customer, scopes))
    warnings = []
    if not is_limited and gives_everything(document):
        warnings.append(_("It gives products or shipping for free without a limit of redemptions or a budget."))
    elif not is_limited:
        warnings.append(_("It has no limit of redemptions and no budget."))
    if not is_limited_per_customer:
        warnings.append(_("A customer can redeem it any number of times."))
    return warnings


def gives_everything(document: object) -> bool:
    """Return whether a benefit of a stored offer takes the whole price off."""
    try:
        offer: Offer = load_offer(document)
    except OfferInvalid:
        return False
    return any(
        getattr(benefit, "value", None) == (100 if benefit.kind == "percent" else 0)
        for benefit in offer.benefits
        if benefit.kind in ("percent", "set_price")
    )


def describe_overlap(offer: Any) -> str:
    """Return how many other offers of the brand can be redeemed between the dates of an offer, and names of some."""
    names: list[str] = []
    count = 0
    for model in offer_models():
        rows: Any = model._default_manager.filter(  # type: ignore[misc]  # noqa: SLF001
            brand=offer.brand, decision__in=[OfferDecision.PUBLISHED, OfferDecision.PAUSED],
            start_date__lt=offer.end_date, end_date__gt=offer.start_date,
        )  # fmt: skip
        if isinstance(offer, model):
            rows = rows.exclude(pk=offer.pk)
        count += (found := rows.count())
        if found and len(names) < MAX_NAMES:
            names += [str(other) for other in rows.order_by("-pk")[: MAX_NAMES - len(names)]]
    if not count:
        return _("None")
    if count > len(names):
        return _("%(names)s and %(count)s more") % {
            "names": ", ".join(names),
            "count": format_number(count - len(names)),
        }
    return ", ".join(names)


def describe_activation(offer: Any, at: datetime) -> str:
    """Return what the activation of a draft does at this time."""
    if offer.end_date <= at:
        return _("Its end has passed: nobody can redeem it.")
    if offer.start_date <= at:
        return _("Customers can redeem it at once.")
    start = format_datetime(offer.start_date, offer.brand.timezone)
    return _("Customers can redeem it from %(start)s (%(timezone)s).") % {
        "start": start, "timezone": offer.brand.timezone,
    }  # fmt: skip


def find_obstacle(offer: Any, change: Callable[[Any, Action], object]) -> str:
    """Return why an offer can't be activated, or an empty text: the activation is tried and rolled back."""
    try:
        with db.undone():
            change(offer, Action.ACTIVATE)
    except DomainError as error:
        return " ".join(str(field["detail"]) for field in error.errors or []) or str(error.detail)
    return ""
