"""Addresses of coupons, below /api/v1/coupons/."""

from django.urls import path

from coupons.api import reports

urlpatterns = [
    path("report/", reports.BrandReportView.as_view(), name="coupon-brand-report"),
    path("<uuid:pk>/report/", reports.CouponReportView.as_view(), name="coupon-report"),
]
