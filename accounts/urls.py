"""URLs of the accounts pages."""

from allauth.account.views import reauthenticate
from allauth.mfa.base.views import reauthenticate as reauthenticate_code
from allauth.mfa.recovery_codes.views import generate_recovery_codes, view_recovery_codes
from allauth.mfa.totp.views import activate_totp, deactivate_totp
from allauth.mfa.webauthn.views import add_webauthn, edit_webauthn, list_webauthn, reauthenticate_webauthn
from django.urls import include, path
from django.views.generic import RedirectView

from accounts import views

links = [
    path("invitations/<str:token>/", views.InvitationPage.as_view(), name="invitation"),
    path("verifications/<str:token>/", views.VerificationPage.as_view(), name="verification"),
    path("password-resets/<str:token>/", views.PasswordResetPage.as_view(), name="password_reset"),
]
# The pages of django-allauth that the platform offers, by the names under which allauth looks for them.
urlpatterns = [
    path("", include((links, "accounts"))),
    path("sign-in/", RedirectView.as_view(pattern_name="admin:login", query_string=True), name="account_login"),
    path("sign-out/", views.SignOutPage.as_view(), name="account_logout"),
    path("sso/", views.BrandChoicePage.as_view(), name="identity_provider_choice"),
    path("sso/<uuid:brand>/start/", views.start, name="identity_provider_start"),
    path("sso/<uuid:brand>/again/", views.start, {"asks_again": True}, name="identity_provider_again"),
    path("sso/<uuid:brand>/callback/", views.finish, name="identity_provider_callback"),
    path("sso/<slug:slug>/", views.show_provider, name="identity_provider"),
    path("password/", reauthenticate, name="account_reauthenticate"),
    path("second-factor/", views.SecondFactorPage.as_view(), name="mfa_index"),
    path("second-factor/sign-in/", views.CodePage.as_view(), name="mfa_authenticate"),
    path("second-factor/confirm/", reauthenticate_code, name="mfa_reauthenticate"),
    path("second-factor/app/add/", activate_totp, name="mfa_activate_totp"),
    path("second-factor/app/remove/", deactivate_totp, name="mfa_deactivate_totp"),
    path("second-factor/recovery-codes/", view_recovery_codes, name="mfa_view_recovery_codes"),
    path("second-factor/recovery-codes/new/", generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("second-factor/keys/", list_webauthn, name="mfa_list_webauthn"),
    path("second-factor/keys/add/", add_webauthn, name="mfa_add_webauthn"),
    path("second-factor/keys/confirm/", reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("second-factor/keys/<int:pk>/", edit_webauthn, name="mfa_edit_webauthn"),
    path("second-factor/keys/<int:pk>/remove/", views.RemoveKeyPage.as_view(), name="mfa_remove_webauthn"),
]
