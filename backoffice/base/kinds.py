"""Labels of the kinds of offer."""

from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

KIND_LABELS = {kind: capfirst(kind.replace("_", " ")) for kind in sorted(settings.REDEMPTION_BACKENDS)} | {
    "promotion": _("Promotion"),
    "discount_code": _("Discount code"),
    "coupon": _("Coupon"),
    "voucher": _("Voucher"),
}
