"""URLs of checkout below ``/api/v1/checkout/``."""

from django.urls import path

from checkout.api import movements, offers, views

urlpatterns = [
    path("quote/", views.QuoteView.as_view(), name="checkout-quote"),
    path("offers/", offers.OffersView.as_view(), name="checkout-offers"),
    path("movements/", movements.MovementsView.as_view(), name="checkout-movements"),
    path("redemptions/", views.RedemptionsView.as_view(), name="redemption-list"),
    path("redemptions/<uuid:pk>/", views.RedemptionView.as_view(), name="redemption"),
    path("redemptions/<uuid:pk>/confirm/", views.ConfirmView.as_view(), name="redemption-confirm"),
    path("redemptions/<uuid:pk>/cancel/", views.CancelView.as_view(), name="redemption-cancel"),
    path("redemptions/<uuid:pk>/amend/", views.AmendView.as_view(), name="redemption-amend"),
    path("redemptions/<uuid:pk>/refund/", views.RefundView.as_view(), name="redemption-refund"),
]
