"""Addresses of promotions, below /api/v1/promotions/."""

from django.urls import path

from promotions.api import views

urlpatterns = [
    path("", views.PromotionsView.as_view(), name="promotion-list"),
    path("<uuid:pk>/", views.PromotionView.as_view(), name="promotion"),
    path("<uuid:pk>/activate/", views.ActivateView.as_view(), name="promotion-activate"),
    path("<uuid:pk>/deactivate/", views.DeactivateView.as_view(), name="promotion-deactivate"),
]
