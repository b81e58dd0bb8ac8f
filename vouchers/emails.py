"""The email that tells a customer about a voucher."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mailings.contracts import Content, MailType
from mailings.emails import build_content
from vouchers import rules
from vouchers.models import Campaign

VOUCHER = "vouchers.emails.voucher"


def build_voucher(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    """Build the email to the recipients of the vouchers of ``data["campaign"]``.

    The personal text of each email is the expiry date of the voucher. Returns None if the brand is no longer active.
    """
    campaign = Campaign.objects.select_related("brand").filter(pk=uuid.UUID(data["campaign"])).first()
    if campaign is None or not campaign.brand.is_active:
        return None
    brand, discount = campaign.brand, campaign.discount
    figure = "" if discount is None else _("%(percentage)s%% off") % {"percentage": rules.format_number(discount)}
    context = {
        "title": campaign.name, "figure": figure, "timezone": brand.timezone,
        "description": rules.describe_voucher(campaign.name, campaign.description, discount),
        "purpose": campaign.voucher_type.replace("_", " "),
    }  # fmt: skip
    subject = _("Your voucher from %(brand)s: %(voucher)s") % {"brand": brand.name, "voucher": figure or campaign.name}
    return build_content(
        template="vouchers/voucher", subject=subject, context=context, sender_name=brand.name, color=brand.color
    )


voucher = MailType(build_voucher, label=gettext_lazy("Voucher"))
