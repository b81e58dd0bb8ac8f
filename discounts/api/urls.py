"""URLs of the discount code API below ``/api/v1/``."""

from django.urls import path

from discounts.api import views

urlpatterns = [
    path("discountcode/", views.CodesView.as_view(), name="discountcode-list"),
    path("discountcode/<str:name>/", views.CodeView.as_view(), name="discountcode"),
    path("discountcodeusage/", views.UsagesView.as_view(), name="discountcodeusage-list"),
    path("discountcodeusage/<uuid:usage_id>/", views.UsageView.as_view(), name="discountcodeusage"),
]
