"""Errors of accounts."""

from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class InvalidCredentials(DomainError):
    code, status = "invalid_credentials", 401
    message = _("Incorrect account or password.")
    headers: ClassVar[dict[str, str]] = {}


class SecondFactorMissing(DomainError):
    code, status = "second_factor_missing", 403
    message = _("This needs a sign-in with the second factor.")
    headers: ClassVar[dict[str, str]] = {}


class SecondFactorRequired(DomainError):
    code, status = "second_factor_required", 401
    message = _("This account has a second factor. Send one of its codes, too.")


class SecondFactorInvalid(DomainError):
    code, status = "second_factor_invalid", 401
    message = _("Incorrect code, or one that was used. Send the code that the app shows now, or a recovery code.")
    headers: ClassVar[dict[str, str]] = {}


class ProviderRequired(DomainError):
    code, status = "identity_provider_required", 403
    message = _("The brand requires sign-ins by its identity provider, which the admin offers.")
    headers: ClassVar[dict[str, str]] = {}


class ProviderFailed(DomainError):
    code, status = "identity_provider_failed", 503
    message = _("The identity provider didn't confirm who you are. Try again, or ask an owner of the brand.")


class IdentityUnknown(DomainError):
    code, status = "identity_unknown", 403
    message = _(
        "The identity provider names nobody who can sign in this way. Ask an owner of the brand for an invitation to "
        "your address at work, or sign in with your password."
    )
    headers: ClassVar[dict[str, str]] = {}


class SignInNotFresh(DomainError):
    code, status = "sign_in_not_fresh", 403
    message = _("This needs a sign-in of the last minutes. Sign in again.")
    headers: ClassVar[dict[str, str]] = {}


class AccountTaken(DomainError):
    code, status = "account_taken", 409
    message = _("An account with these details already exists.")


class LinkInvalid(DomainError):
    code, status = "link_invalid", 400
    message = _("This link is invalid, was used or has expired. Request a new one.")


class InvitationForOther(DomainError):
    code, status = "invitation_for_other", 403
    message = _(
        "This invitation is for another email address. Sign in with the account of that address, or create one."
    )


class EmailNotVerified(DomainError):
    code, status = "email_not_verified", 403
    message = _(
        "The email address of this account isn't verified. Follow the link in the email that you got when you "
        "registered, or reset your password. Then try again."
    )


class CustomerHasAccount(DomainError):
    code, status = "customer_has_account", 409
    message = _("This customer has an account. Only customers without one can be merged into another.")


class CustomerMerged(DomainError):
    code, status = "customer_merged", 409
    message = _("This customer is already merged into another one.")


class AccountHasRoles(DomainError):
    code, status = "account_has_roles", 409
    message = _("This account is a member of a brand's staff or a platform admin. Leave the brand before you erase it.")


class LastOwner(DomainError):
    code, status = "last_owner", 409
    message = _("A brand must have at least one owner.")


class KeyNotRollable(DomainError):
    code, status = "key_not_rollable", 409
    message = _("This API key was rolled or revoked, or has expired. Create a new key.")


class TokenReused(DomainError):
    code, status = "token_reused", 401
    message = _("This refresh token was used before, so its sign-in has ended. Sign in again.")
