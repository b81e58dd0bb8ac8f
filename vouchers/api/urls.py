"""URLs of campaigns and vouchers, below /api/v1/."""

from django.urls import path

from redemptions.api.lifecycle import action_paths
from vouchers.api import views
from vouchers.api.serializers import CampaignSerializer

CAMPAIGN = "campaigns/<slug:slug>/"

urlpatterns = [
    path("campaigns/", views.CampaignsView.as_view(), name="campaign-list"),
    path(CAMPAIGN, views.CampaignView.as_view(), name="campaign"),
    *action_paths(
        CAMPAIGN,
        views.apply_action,
        serializer=CampaignSerializer,
        name="campaign",
        versioned_object=views.CampaignView.versioned_object,
    ),
    path(f"{CAMPAIGN}duplicate/", views.DuplicateView.as_view(), name="campaign-duplicate"),
    path(f"{CAMPAIGN}first-login/", views.FirstLoginView.as_view(), name="campaign-first-login"),
    path("vouchers/", views.VouchersView.as_view(), name="voucher-list"),
]
