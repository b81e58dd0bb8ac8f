"""The mail that tells a winner of their voucher."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mailings.contracts import Content, MailType
from mailings.emails import content
from vouchers import rules
from vouchers.models import Campaign

VOUCHER = "vouchers.emails.voucher"


def build_voucher(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    """The mail to the winners of ``data["campaign"]``; each one's own word is until when their voucher is good.

    None when the campaign's brand is no longer there for them.
    """
    campaign = Campaign.objects.select_related("brand").filter(pk=uuid.UUID(data["campaign"])).first()
    if campaign is None or not campaign.brand.is_active:
        return None
    brand, discount = campaign.brand, campaign.discount
    figure = "" if discount is None else f"{rules.format_number(discount)}% off"
    context = {
        "title": campaign.name, "figure": figure, "timezone": brand.timezone,
        "description": rules.describe(campaign.name, campaign.description, discount),
        "purpose": campaign.voucher_type.replace("_", " "),
    }  # fmt: skip
    return content(
        template="vouchers/voucher", subject=f"{brand.name}: your voucher, {figure or campaign.name}", context=context,
        sender_name=brand.name, color=brand.color,
    )  # fmt: skip


voucher = MailType(build_voucher)
