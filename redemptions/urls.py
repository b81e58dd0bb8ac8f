"""URLs of the redemption core, below ``/api/v1/``."""

from django.urls import path

from redemptions.codes.api import views as codes
from redemptions.events.api import views as events
from redemptions.results.api import views as results
from redemptions.search.api import views as search

urlpatterns = [
    path("codes/<str:name>/", codes.CodeView.as_view(), name="code"),
    path("codes/<str:name>/movements/", codes.MovementsView.as_view(), name="code-movements"),
    path("codes/<str:name>/revoke/", codes.RevokeView.as_view(), name="code-revoke"),
    path("events/", events.EventsView.as_view(), name="event-list"),
    path("events/<uuid:pk>/", events.EventView.as_view(), name="event"),
    path("redemptions/", search.RedemptionsView.as_view(), name="redemption-list"),
    path("results/", results.ResultsView.as_view(), name="results"),
]
