"""Addresses of the internal API about audiences and segments, below /api/internal/v1/."""

from django.urls import path

from segments.api import audiences

urlpatterns = [
    path("audiences/<str:merchant_id>/<str:segment_type>/", audiences.AudienceView.as_view(), name="audience"),
]
