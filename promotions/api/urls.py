"""URLs below ``/api/v1/promotions/``."""

from django.urls import path

from promotions.api import views
from promotions.api.serializers import PromotionSerializer
from redemptions.api.lifecycle import action_paths
from redemptions.codes.api.batches import batch_paths

urlpatterns = [
    path("", views.PromotionsView.as_view(), name="promotion-list"),
    path("<uuid:pk>/", views.PromotionView.as_view(), name="promotion"),
    *action_paths(
        "<uuid:pk>/",
        views.apply_action,
        serializer=PromotionSerializer,
        name="promotion",
        versioned_object=views.PromotionView.versioned_object,
    ),
    path("<uuid:pk>/duplicate/", views.DuplicateView.as_view(), name="promotion-duplicate"),
    *batch_paths(
        "<uuid:pk>/",
        kind="promotion",
        find_readable=views.get_readable_promotion,
        find_editable=views.get_editable_promotion,
    ),
]
