"""The email that tells a customer about a voucher."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.selectors import read_languages
from backoffice.base.formatting import format_datetime
from mailings.contracts import Content, MailType
from mailings.emails import build_content
from vouchers.models import Campaign

VOUCHER = "vouchers.emails.voucher"


def build_voucher(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    """Build the email to the recipients of the vouchers of ``data["campaign"]``.

    The personal text of each email is the expiry date of the voucher (ISO 8601). Returns None if the brand is no
    longer active.
    """
    campaign = Campaign.objects.select_related("brand").filter(pk=uuid.UUID(data["campaign"])).first()
    if campaign is None or not campaign.brand.is_active:
        return None
    brand, discount = campaign.brand, campaign.discount
    figure = "" if discount is None else _("%(percentage)s%% off") % {"percentage": _format_percentage(discount)}
    context = {
        "title": campaign.name, "figure": figure, "timezone": brand.timezone,
        "description": campaign.description or (f"{figure}: {campaign.name}" if figure else campaign.name),
        "purpose": campaign.voucher_type.replace("_", " "),
    }  # fmt: skip
    subject = _("Your voucher from %(brand)s: %(voucher)s") % {"brand": brand.name, "voucher": figure or campaign.name}
    return build_content(
        template="vouchers/voucher",
        subject=subject,
        context=context,
        sender_name=brand.name,
        color=brand.color,
        format_personal_text=partial(_format_expiry, zone=brand.timezone),
    )


def _format_percentage(discount: Decimal) -> str:
    return localize(discount.normalize() + 0)


def _format_expiry(text: str, *, zone: str) -> str:
    """Return the stored expiry date as customers read it. The previous release stored it as such."""
    try:
        return format_datetime(datetime.fromisoformat(text), zone)
    except ValueError:
        return text


voucher = MailType(build_voucher, read_languages=read_languages, label=gettext_lazy("Voucher"))
