"""Labels of the kinds of offer."""

from django.utils.translation import gettext_lazy as _

KIND_LABELS = {
    "promotion": _("Promotion"),
    "discount_code": _("Discount code"),
    "coupon": _("Coupon"),
    "voucher": _("Voucher"),
}
