"""URLs of the redemption core, below ``/api/v1/``."""

from django.urls import path

from redemptions.events.api import views as events

urlpatterns = [
    path("events/", events.EventsView.as_view(), name="event-list"),
    path("events/<uuid:pk>/", events.EventView.as_view(), name="event"),
]
