"""URLs of the accounts API below ``/api/v1/``."""

from django.urls import path

from accounts.api import grants, keys, privacy, registration, schema, staff, views

urlpatterns = [
    path("auth/token/", views.TokenView.as_view()),
    path("auth/token/refresh/", views.RefreshView.as_view()),
    path("auth/token/verify/", views.VerifyView.as_view()),
    path("auth/logout/", views.LogoutView.as_view()),
    path("auth/register/", registration.RegisterView.as_view()),
    path("auth/email/verify/", registration.EmailVerificationView.as_view()),
    path("auth/password/reset/", registration.PasswordResetView.as_view()),
    path("auth/password/reset/confirm/", registration.PasswordResetConfirmView.as_view()),
    path("me/", views.MeView.as_view()),
    path("me/export/", privacy.AccountExportView.as_view()),
    path("customers/<path:customer_id>/export/", privacy.CustomerExportView.as_view()),
    path("customers/<path:customer_id>/erase/", privacy.CustomerErasureView.as_view()),
    path("erasures/<uuid:pk>/", privacy.ErasureView.as_view()),
    path("brands/<slug:slug>/", staff.BrandView.as_view()),
    path("brands/<slug:slug>/members/", staff.MembersView.as_view()),
    path("brands/<slug:slug>/members/<uuid:user_id>/", staff.MemberView.as_view()),
    path("brands/<slug:slug>/invitations/", staff.InvitationsView.as_view()),
    path("brands/<slug:slug>/invitations/<uuid:invitation_id>/", staff.InvitationView.as_view()),
    path("brands/<slug:slug>/api-keys/", keys.ApiKeysView.as_view()),
    path("brands/<slug:slug>/api-keys/<uuid:key_id>/", keys.ApiKeyView.as_view()),
    path("brands/<slug:slug>/api-keys/<uuid:key_id>/roll/", keys.RollView.as_view()),
    path("keys/self/", keys.OwnKeyView.as_view()),
    path("brand-grants/", grants.GrantsView.as_view()),
    path("brand-grants/<uuid:pk>/", grants.GrantView.as_view()),
]

__all__ = ["schema", "urlpatterns"]  # imported to register the OpenAPI extensions
