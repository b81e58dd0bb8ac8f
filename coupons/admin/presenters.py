"""Texts and numbers of coupons in the admin: status, usage, limits, and the recommended counting method."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.base.formatting import (
    format_number,
    format_percentage,
    format_period,
)
from coupons import rules
from coupons.contracts import CouponUsage
from coupons.models import CouponDefinition
from redemptions.limits.models import Strategy
from redemptions.limits.strategies.approximate import find_overshoot

MAX_INTEGER = 2_000_000_000
Card = tuple[str, str, str]

GUARANTEES: dict[str, str | Promise] = {
    Strategy.EXACT: gettext_lazy("Never exceeds the limit."),
    Strategy.SHARDED: gettext_lazy("Never exceeds the limit; the last unit can always be redeemed."),
    Strategy.POOL: gettext_lazy("Never exceeds the limit; each unit is prepared in advance."),
    Strategy.APPROXIMATE: gettext_lazy("May exceed the limit by the stated maximum."),
}
REASONS: dict[rules.Reason, str | Promise] = {
    rules.Reason.NO_LIMIT: gettext_lazy("No limit is set, so the counting method has no effect."),
    rules.Reason.BUSY_CHECKOUT: gettext_lazy("Sharding avoids waiting at %(count)s orders in the first minute."),
    rules.Reason.PARALLEL_UNITS: gettext_lazy("A pool serves %(count)s redemptions in the first minute in parallel."),
    rules.Reason.PARALLEL_COUNTERS: gettext_lazy(
        "Sharding avoids waiting at %(count)s redemptions in the first minute."
    ),
    rules.Reason.SINGLE_COUNTER: gettext_lazy(
        "A single counter is fast enough for %(count)s redemptions in the first minute."
    ),
}


# --- dates -----------------------------------------------------------------------------------------------------------
def period(coupon: CouponDefinition) -> str:
    """Return the start and the end of the coupon in the brand's time zone."""
    return format_period(coupon.start_date, coupon.end_date, coupon.brand.timezone)


# --- usage and limits -------------------------------------------------------------------------------------------------
def usage_summary(usage: CouponUsage) -> str:
    """Return the used, reserved and remaining units as a short text."""
    parts = [_("%(count)s used") % {"count": format_number(usage.used)}]
    if usage.reserved:
        parts.append(_("%(count)s reserved") % {"count": format_number(usage.reserved)})
    if usage.remaining is None:
        parts.append(_("no limit"))
    else:
        parts.append(_("%(count)s remaining") % {"count": format_number(usage.remaining)})
    return ", ".join(parts)


def access_summary(coupon: CouponDefinition, *, batches: int) -> str:
    """Return which codes redeem the coupon."""
    texts = {"code": coupon.code, "count": format_number(batches)}
    if batches and coupon.code:
        return (
            ngettext(
                "Single-use codes (%(count)s batch) and generic code %(code)s",
                "Single-use codes (%(count)s batches) and generic code %(code)s",
                batches,
            )
            % texts
        )
    if batches:
        return ngettext("Single-use codes (%(count)s batch)", "Single-use codes (%(count)s batches)", batches) % texts
    return _("Everyone, with code %(code)s") % texts if coupon.code else _("Everyone, no code needed")


def metric_cards(coupon: CouponDefinition, usage: CouponUsage) -> list[Card]:
    """Return the metrics of the coupon: label, number and note."""
    maximum = coupon.maximum_number_of_coupons
    share = _("No limit")
    if maximum:
        share = _("of %(total)s (%(percentage)s)") % {
            "total": format_number(maximum),
            "percentage": format_percentage(usage.used, maximum),
        }
    cards = [
        (_("Redeemed"), format_number(usage.used), share),
        (_("Reserved"), format_number(usage.reserved), _("awaiting payment")),
    ]
    if usage.remaining is not None:
        cards.append((_("Remaining"), format_number(usage.remaining), _("can be redeemed now")))
    if usage.prepared is not None and maximum and usage.prepared < maximum:
        note = _("of %(total)s, in the background") % {"total": format_number(maximum)}
        cards.append((_("Units prepared"), format_number(usage.prepared), note))
    return cards


def limit_summary(maximum: int | None) -> str:
    """Return a total usage limit as a text."""
    return _("No limit") if maximum is None else _("up to %(count)s") % {"count": format_number(maximum)}


def customer_limit_summary(maximum: int | None) -> str:
    """Return a usage limit per customer as a text."""
    return _("No limit") if maximum is None else _("up to %(count)s, always exact") % {"count": format_number(maximum)}


# --- counting methods -------------------------------------------------------------------------------------------------
def guarantee(strategy: str, maximum: int | None) -> str:
    """Return what a counting method guarantees for a limit."""
    if maximum is None:
        return _("No total limit is set, so the counting method has no effect.")
    if strategy != Strategy.APPROXIMATE:
        return str(GUARANTEES.get(strategy, ""))
    overshoot = find_overshoot(maximum)
    return _("May exceed the limit of %(limit)s by at most %(overshoot)s.") % {
        "limit": format_number(maximum),
        "overshoot": format_number(overshoot),
    }


def recommendation(values: Mapping[str, str]) -> dict[str, str]:
    """Return the guarantee of the chosen counting method, and the recommended one with its reason.

    ``values`` are those of the form so far. The texts are empty if the values don't suffice.
    """
    maximum, chosen = _parse_int(values.get("maximum_number_of_coupons", "")), values.get("limit_strategy", "")
    texts = {"guarantee": "", "recommended": "", "reason": "", "differs": ""}
    if chosen in Strategy.values:
        texts["guarantee"] = guarantee(chosen, maximum)
    expected = _parse_int(values.get("expected_redemptions_first_minute", ""))
    if expected is None:
        return texts
    recommended, reason = rules.recommend_strategy(
        maximum=maximum, expected_redemptions=expected, at_checkout="redeemed_at_checkout" in values
    )
    texts["recommended"] = str(Strategy(recommended).label)
    texts["reason"] = str(REASONS[reason]) % {"count": format_number(expected)}
    return texts | {"differs": "yes" if recommended != chosen else ""}


def _parse_int(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= MAX_INTEGER else None
