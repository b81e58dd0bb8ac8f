"""URLs of coupons, below ``/api/v1/coupons/``."""

from django.urls import path

from coupons.api import coupons, redemptions, reports
from coupons.api.serializers import CouponSerializer
from redemptions.api.lifecycle import action_paths
from redemptions.codes.api.batches import batch_paths

REDEMPTION = "redemptions/<uuid:pk>/"

urlpatterns = [
    path("", coupons.CouponsView.as_view(), name="coupon-list"),
    path("report/", reports.BrandReportView.as_view(), name="coupon-brand-report"),
    path("<uuid:pk>/", coupons.CouponView.as_view(), name="coupon"),
    *action_paths(
        "<uuid:pk>/",
        coupons.apply_action,
        serializer=CouponSerializer,
        name="coupon",
        versioned_object=coupons.CouponView.versioned_object,
    ),
    path("<uuid:pk>/duplicate/", coupons.DuplicateView.as_view(), name="coupon-duplicate"),
    path("<uuid:pk>/eligibility/", redemptions.EligibilityView.as_view(), name="coupon-eligibility"),
    path("<uuid:pk>/redemptions/", redemptions.RedemptionsView.as_view(), name="coupon-redemption-list"),
    path("<uuid:pk>/reservations/", redemptions.ReservationsView.as_view(), name="coupon-reservation-list"),
    path(f"{REDEMPTION}confirm/", redemptions.ConfirmView.as_view(), name="coupon-confirm"),
    path(f"{REDEMPTION}release/", redemptions.ReleaseView.as_view(), name="coupon-release"),
    path(f"{REDEMPTION}refund/", redemptions.RefundView.as_view(), name="coupon-refund"),
    *batch_paths("<uuid:pk>/", kind="coupon", find_readable=coupons.readable, find_editable=coupons.editable),
    path("<uuid:pk>/report/", reports.CouponReportView.as_view(), name="coupon-report"),
]
