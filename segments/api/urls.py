"""URLs of the internal API of audiences and segments, below /api/internal/v1/."""

from django.urls import path

from segments.api import audiences, segments

urlpatterns = [
    path("audiences/<str:merchant_id>/<str:segment_type>/", audiences.AudienceView.as_view(), name="audience"),
    path("sync-segment/", segments.SyncSegmentView.as_view(), name="segment-sync"),
    path("segments/<uuid:pk>/", segments.SegmentView.as_view(), name="segment"),
]
