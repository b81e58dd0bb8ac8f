"""URLs of the discount code API below ``/api/v1/``."""

from django.urls import path

from discounts.api import views
from discounts.api.serializers import CodeSerializer
from redemptions.api.lifecycle import action_paths
from redemptions.codes.api.batches import batch_paths

CODE = "discountcode/<str:name>/"

urlpatterns = [
    path("discountcode/", views.CodesView.as_view(), name="discountcode-list"),
    path(CODE, views.CodeView.as_view(), name="discountcode"),
    *action_paths(
        CODE,
        views.apply_action,
        serializer=CodeSerializer,
        name="discountcode",
        versioned_object=views.CodeView.versioned_object,
        parameters=[views.BRAND],
    ),
    path(f"{CODE}duplicate/", views.DuplicateView.as_view(), name="discountcode-duplicate"),
    *batch_paths(
        "discountcode/<str:pk>/",
        kind="discount_code",
        find_readable=views.get_readable_code,
        find_editable=views.get_editable_code,
    ),
    path("discountcodeusage/", views.UsagesView.as_view(), name="discountcodeusage-list"),
    path("discountcodeusage/<uuid:usage_id>/", views.UsageView.as_view(), name="discountcodeusage"),
]
