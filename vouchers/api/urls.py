"""URLs of campaigns and vouchers, below /api/v1/."""

from django.urls import path

from vouchers.api import views

CAMPAIGN = "campaigns/<slug:slug>/"

urlpatterns = [
    path("campaigns/", views.CampaignsView.as_view(), name="campaign-list"),
    path(CAMPAIGN, views.CampaignView.as_view(), name="campaign"),
    path(f"{CAMPAIGN}close/", views.CloseView.as_view(), name="campaign-close"),
    path(f"{CAMPAIGN}first-login/", views.FirstLoginView.as_view(), name="campaign-first-login"),
    path("vouchers/", views.VouchersView.as_view(), name="voucher-list"),
]
