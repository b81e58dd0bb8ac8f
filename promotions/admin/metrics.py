"""Live numbers of a promotion: whom it reaches, and what its counters say was taken of its budget and its limits."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Sum

from backoffice.base.formatting import format_amount
from promotions import limit_rules, services
from promotions.models import Promotion, PromotionCounter
from segments.models import TERMINAL_STATES, Segment

PERIODS = {"day": "today", "week": "this week", "month": "this month"}


def usage_by_limit(promotion: Promotion, at: datetime) -> dict[str, int]:
    """What was taken of each limit that is counted, now; what nobody took yet is absent."""
    days = limit_rules.period_starts(at.astimezone(ZoneInfo(promotion.brand.timezone)))
    slots = {"budget": "", "total": ""} | {kind: day.isoformat() for kind, day in days.items()}
    rows = PromotionCounter.objects.filter(promotion=promotion, kind__in=slots, scope_key__in=slots.values()).order_by()
    counted = rows.values_list("kind", "scope_key").annotate(taken=Sum("taken"))
    return {kind: usage_by_limit for kind, slot, usage_by_limit in counted if slots[kind] == slot}


def audience(promotion: Promotion, segment: Segment | None, at: datetime) -> list[tuple[str, str, str]]:
    """Whom a promotion with a target audience reaches: who is in its segment, and before it starts who would be."""
    if segment is not None and segment.slot_limit is not None:
        seen = segment.members_count + segment.skipped_count
        members = "Were in its segment" if segment.state in TERMINAL_STATES else "In its segment"
        return [
            (members, f"{segment.members_count:,}", f"of {seen:,} in the audience when it started"),
            ("Passed over", f"{segment.skipped_count:,}", "of them had no free slot"),
        ]
    reach = services.audience_counts(promotions=[promotion], at=at)[promotion.pk]
    full = reach.count - reach.with_free_slot
    return [
        ("Match now", f"{reach.count:,}", "customers are in the audience; who is in it at the start counts"),
        ("With a free slot", f"{reach.with_free_slot:,}", f"{full:,} of them have none"),
    ]


def audience_label(promotion: Promotion, segment: Segment | None) -> str:
    """Whom a promotion is for, in a few words: with how many are in its segment, once it is filled."""
    name = promotion.target_audience.replace("_", " ")
    if segment is None or not name or segment.slot_limit is None:
        return name or "everyone"
    if segment.filled_at is None:
        return f"{name}, being filled"
    return f"{name}: {segment.members_count:,} of {segment.audience_count:,}"


def metric_cards(promotion: Promotion, at: datetime) -> list[tuple[str, str, str]]:
    """A number for each limit that the promotion keeps: what it is called, what was taken, and of how much."""
    found, shown = usage_by_limit(promotion, at), []
    if promotion.budget is not None:
        spent = found.get("budget", 0)
        percent = 100 * spent // promotion.budget
        shown.append(
            (
                "Spent", format_amount(spent, promotion.currency),
                f"of {format_amount(promotion.budget, promotion.currency)}, {percent} %",
            )
        )  # fmt: skip
    if promotion.limit_total is not None:
        shown.append(("Uses", f"{found.get('total', 0):,}", f"of {promotion.limit_total:,}, held ones among them"))
    for kind, word in PERIODS.items():
        if (cap := getattr(promotion, f"limit_per_{kind}")) is not None:
            shown.append((f"Uses {word}", f"{found.get(kind, 0):,}", f"of {cap:,}"))
    return shown
