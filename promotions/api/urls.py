"""URLs below ``/api/v1/promotions/``."""

from django.urls import path

from promotions.api import batches, views
from promotions.api.serializers import PromotionSerializer
from redemptions.api.lifecycle import action_paths

BATCH = "<uuid:pk>/batches/<uuid:batch>/"

urlpatterns = [
    path("", views.PromotionsView.as_view(), name="promotion-list"),
    path("<uuid:pk>/", views.PromotionView.as_view(), name="promotion"),
    *action_paths("<uuid:pk>/", views.apply_action, serializer=PromotionSerializer, name="promotion"),
    path("<uuid:pk>/duplicate/", views.DuplicateView.as_view(), name="promotion-duplicate"),
    path("<uuid:pk>/batches/", batches.BatchesView.as_view(), name="promotion-batch-list"),
    path("<uuid:pk>/batches/import/", batches.ImportView.as_view(), name="promotion-batch-import"),
    path(BATCH, batches.BatchView.as_view(), name="promotion-batch"),
    path(f"{BATCH}codes.csv", batches.BatchCodesView.as_view(), name="promotion-batch-codes"),
    path(f"{BATCH}assign/", batches.AssignView.as_view(), name="promotion-batch-assign"),
    path(f"{BATCH}assignments/<uuid:assignment>/", batches.AssignmentView.as_view(), name="promotion-batch-assignment"),
]
