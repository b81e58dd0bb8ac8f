"""URLs of unsubscription and webhooks."""

from django.urls import path

from mailings import views

app_name = "mail"
urlpatterns = [
    path("unsubscribe/<str:token>/", views.UnsubscribePage.as_view(), name="unsubscribe"),
    path("webhooks/sendgrid/", views.SendGridEvents.as_view(), name="sendgrid_events"),
]
