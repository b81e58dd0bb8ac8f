"""URLs of the accounts pages."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("invitations/<str:token>/", views.InvitationPage.as_view(), name="invitation"),
    path("verifications/<str:token>/", views.VerificationPage.as_view(), name="verification"),
    path("password-resets/<str:token>/", views.PasswordResetPage.as_view(), name="password_reset"),
]
