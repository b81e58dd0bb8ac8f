"""Metric cards of a promotion: its audience, and the usage of its budget and limits."""

from datetime import datetime

from django.utils.translation import gettext as _

from backoffice.base.formatting import format_number
from promotions import services
from promotions.models import Promotion
from segments.models import Segment

Card = tuple[str, str, str]  # label, number, note


def audience_cards(promotion: Promotion, segment: Segment | None, at: datetime) -> list[Card]:
    """Return the size of the promotion's audience: of its segment, or before the start of those who match today."""
    if segment is not None and segment.slot_limit is not None:
        total = segment.members_count + segment.skipped_count
        return [
            (
                _("Audience size"),
                format_number(segment.members_count),
                _("of %(total)s at start") % {"total": format_number(total)},
            ),
            (_("Skipped"), format_number(segment.skipped_count), _("no free slot")),
        ]
    reach = services.audience_counts(promotions=[promotion], at=at)[promotion.pk]
    full_count = reach.count - reach.with_free_slot
    return [
        (_("Audience size today"), format_number(reach.count), _("The audience at the start counts.")),
        (
            _("Reachable today"),
            format_number(reach.with_free_slot),
            _("%(count)s without a free slot") % {"count": format_number(full_count)},
        ),
    ]


def audience_label(promotion: Promotion, segment: Segment | None) -> str:
    """Return the name of the target audience, with the size of the segment once it is populated."""
    name = promotion.target_audience.replace("_", " ")
    if segment is None or not name or segment.slot_limit is None:
        return name or _("Everyone")
    if segment.filled_at is None:
        return _("%(audience)s, populating") % {"audience": name}
    return _("%(audience)s: %(members)s of %(total)s") % {
        "audience": name,
        "members": format_number(segment.members_count),
        "total": format_number(segment.audience_count),
    }
