"""Pages of accounts outside the admin: the links in emails, and second factors."""

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
]
