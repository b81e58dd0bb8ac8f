"""Pages of accounts outside the admin: the links in emails, second factors, and sign-in by identity providers."""

from accounts.views.identity_providers import BrandChoicePage, finish, show_provider, start
from accounts.views.links import (
    InvitationPage,
    PasswordResetPage,
    PasswordResetRequestPage,
    VerificationPage,
)
from accounts.views.second_factors import (
    CodeForm,
    CodePage,
    FreshCodeForm,
    KeyForm,
    NewAppForm,
    NewKeyForm,
    RemoveKeyPage,
    SecondFactorPage,
    SignOutPage,
)

__all__ = [
    "BrandChoicePage",
    "CodeForm",
    "CodePage",
    "FreshCodeForm",
    "InvitationPage",
    "KeyForm",
    "NewAppForm",
    "NewKeyForm",
    "PasswordResetPage",
    "PasswordResetRequestPage",
    "RemoveKeyPage",
    "SecondFactorPage",
    "SignOutPage",
    "VerificationPage",
    "finish",
    "show_provider",
    "start",
]
