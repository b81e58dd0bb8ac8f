"""Email messages of accounts, built from templates. Services send them."""

import enum
from collections.abc import Mapping, Sequence
from email.utils import formataddr, parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from accounts.contracts import Role
from accounts.models import ApiKey, Brand, Invitation, User
from accounts.models.access import SCOPE_CHOICES
from backoffice.base.formatting import format_datetime
from mailings.emails import build_content


class FactorChange(enum.StrEnum):
    """What happened to a user's second factor."""

    APP_ADDED = "app_added"
    APP_REMOVED = "app_removed"
    KEY_ADDED = "key_added"
    KEY_REMOVED = "key_removed"
    CODES_RENEWED = "codes_renewed"
    RESET = "reset"


PLATFORM_COLOR = "#0f766e"
_ROLES = {
    Role.OWNER: pgettext_lazy("role in a sentence", "owner"),
    Role.EDITOR: pgettext_lazy("role in a sentence", "editor"),
    Role.VIEWER: pgettext_lazy("role in a sentence", "viewer"),
}


def invitation(*, invitation: Invitation, token: str) -> EmailMultiAlternatives:
    """Build the email that invites a person to a brand's staff. ``token`` is the signed part of the link."""
    brand = invitation.brand
    join = _("Join %(brand)s") % {"brand": brand.name}
    expires_at = f"{format_datetime(invitation.expires_at, brand.timezone)} ({brand.timezone})"
    return _build_message(
        brand,
        [invitation.email],
        subject=_("Join %(brand)s on promoplatform") % {"brand": brand.name},
        context={
            "heading": join,
            "paragraphs": [_sentence(invitation)],
            "action_url": settings.BASE_URL + reverse("accounts:invitation", args=[token]),
            "action_label": join,
            "note": _("The link can be used once and expires on %(date)s.") % {"date": expires_at},
            "why": _("If you weren't expecting this, you can ignore it."),
        },
    )


def new_api_key(*, key: ApiKey, recipients: Sequence[str]) -> EmailMultiAlternatives:
    """Build the email that says that an API key exists, with what it may do and who created it."""
    names = {"name": key.name, "prefix": key.prefix, "user": key.created_by, "owner": key.brand or "promoplatform"}
    if key.created_by is None:
        sentence = _("The API key %(name)s (%(prefix)s…) of %(owner)s was created on the command line.")
    else:
        sentence = _("%(user)s created the API key %(name)s (%(prefix)s…) of %(owner)s.")
    return _build_message(
        key.brand,
        recipients,
        subject=_("New API key of %(owner)s") % names,
        context={
            "heading": _("New API key"),
            "paragraphs": [sentence % names, *_describe_rights(key)],
            "action_url": settings.BASE_URL + reverse("admin:accounts_apikey_change", args=[key.pk]),
            "action_label": _("View API key"),
            "note": _("If nobody of you expected it, revoke the key."),
            "why": _("You receive this email because you are an owner."),
        },
    )


def guesses(*, brand: Brand, recipients: Sequence[str]) -> EmailMultiAlternatives:
    """Build the email that says that the API keys of a brand sent too many unknown codes."""
    names = {"brand": brand.name}
    return _build_message(
        brand,
        recipients,
        subject=_("Many unknown codes at %(brand)s") % names,
        context={
            "heading": _("Many unknown codes"),
            "paragraphs": [
                _("API keys of %(brand)s sent more codes that don't exist than the limit allows.") % names,
                _("Somebody may be guessing codes. Above the limit, requests with codes are refused for a minute."),
            ],
            "action_url": settings.BASE_URL + reverse("admin:accounts_apikey_changelist"),
            "action_label": _("View API keys"),
            "note": _("Limit how often your shop accepts codes, and roll a key that others may know."),
            "why": _("You receive this email because you are an owner."),
        },
    )


def key_review(
    *, brand: Brand, user: User, keys: Sequence[ApiKey], recipients: Sequence[str]
) -> EmailMultiAlternatives:  # fmt: skip
    """Build the email that asks for a review of the API keys that a former member created."""
    names, page = {"user": user, "brand": brand.name}, reverse("admin:accounts_apikey_changelist")
    sentence = _("%(user)s is no longer a member of %(brand)s, but created these API keys, which still work:") % names
    return _build_message(
        brand,
        recipients,
        subject=_("Review the API keys of %(brand)s") % names,
        context={
            "heading": _("Review API keys"),
            "paragraphs": [sentence, *(f"{key.name} ({key.prefix}…)" for key in keys)],
            "action_url": f"{settings.BASE_URL}{page}?created_by__id__exact={user.pk}",
            "action_label": _("View API keys"),
            "note": _("Roll or revoke each key whose text %(user)s may know.") % names,
            "why": _("You receive this email because you are an owner."),
        },
    )


def address_verification(*, user: User, token: str) -> EmailMultiAlternatives:
    """Build the email with the link that verifies the address of a new account."""
    return _build_message(
        None,
        [user.email],
        subject=_("Verify your email address"),
        context={
            "heading": _("Verify your email address"),
            "paragraphs": [_("The account %(user)s was registered with this address.") % {"user": user}],
            "action_url": settings.BASE_URL + reverse("accounts:verification", args=[token]),
            "action_label": _("Verify address"),
            "note": _("The link expires in 3 days."),
            "why": _("If you didn't register, ignore this email: you won't get any others."),
        },
    )


def existing_account(*, user: User) -> EmailMultiAlternatives:
    """Build the email that tells the owner of an address that somebody registered with it once more."""
    return _build_message(
        None,
        [user.email],
        subject=_("You already have an account"),
        context={
            "heading": _("You already have an account"),
            "paragraphs": [
                _("Somebody registered with this address, but the account %(user)s has it.") % {"user": user},
                _("Sign in with it. If you don't know its password, or didn't create it, reset the password."),
            ],
            "action_url": settings.BASE_URL + reverse("admin_password_reset"),
            "action_label": _("Reset password"),
            "note": "",
            "why": _("If you didn't register, you can ignore it."),
        },
    )


def details_in_use(*, address: str) -> EmailMultiAlternatives:
    """Build the email that says that a registration used the username or phone number of another account."""
    return _build_message(
        None,
        [address],
        subject=_("Your registration is incomplete"),
        context={
            "heading": _("Your registration is incomplete"),
            "paragraphs": [
                _("Another account has the username or the phone number. Register with other ones."),
            ],
            "action_url": settings.BASE_URL,
            "action_label": _("Open promoplatform"),
            "note": "",
            "why": _("If you didn't register, you can ignore it."),
        },
    )


def password_reset(*, user: User, token: str) -> EmailMultiAlternatives:
    """Build the email with the link that sets a new password."""
    return _build_message(
        None,
        [user.email],
        subject=_("Reset your password"),
        context={
            "heading": _("Reset your password"),
            "paragraphs": [_("Somebody requested a new password of the account %(user)s.") % {"user": user}],
            "action_url": settings.BASE_URL + reverse("accounts:password_reset", args=[token]),
            "action_label": _("Choose a new password"),
            "note": _("The link can be used once and expires in 1 hour."),
            "why": _("If you didn't ask for it, you can ignore it: your password stays as it is."),
        },
    )


def factor_notice(*, user: User, change: FactorChange) -> EmailMultiAlternatives:
    """Build the email that says that a second factor of an account was added or removed."""
    sentences = {
        FactorChange.APP_ADDED: _("An authenticator app was added to the account %(user)s."),
        FactorChange.APP_REMOVED: _("The authenticator app of the account %(user)s was removed."),
        FactorChange.KEY_ADDED: _("A security key was added to the account %(user)s."),
        FactorChange.KEY_REMOVED: _("A security key of the account %(user)s was removed."),
        FactorChange.CODES_RENEWED: _("The account %(user)s has new recovery codes. The former ones no longer work."),
        FactorChange.RESET: _("The second factor of the account %(user)s was reset. Sign in, and set it up again."),
    }
    return _build_message(
        None,
        [user.email],
        subject=_("Your second factor changed"),
        context={
            "heading": _("Your second factor changed"),
            "paragraphs": [sentences[change] % {"user": user}],
            "action_url": settings.BASE_URL + reverse("mfa_index"),
            "action_label": _("View second factor"),
            "note": _("If you didn't expect this, reset your password and tell an owner of your brand."),
            "why": _("You receive this email because the account has this address."),
        },
    )


def _describe_rights(key: ApiKey) -> list[str]:
    zone = key.brand.timezone if key.brand else "UTC"
    labels = dict(SCOPE_CHOICES)
    lines = [_("Scopes: %(scopes)s") % {"scopes": ", ".join(str(labels[scope]) for scope in key.scopes)}]
    if key.addresses:
        lines.append(_("IP addresses: %(addresses)s") % {"addresses": ", ".join(key.addresses)})
    if key.expires_at:
        lines.append(_("Expires: %(date)s") % {"date": f"{format_datetime(key.expires_at, zone)} ({zone})"})
    return lines


def _build_message(
    brand: Brand | None, recipients: Sequence[str], *, subject: str, context: Mapping[str, Any]
) -> EmailMultiAlternatives:  # fmt: skip
    """Build an email with one action from a brand or, without one, from the platform."""
    sender_name, color = (brand.name, brand.color) if brand else ("promoplatform", PLATFORM_COLOR)
    built = build_content(
        template="mail/action", subject=subject, sender_name=sender_name, color=color, context=dict(context)
    )
    sender = formataddr((sender_name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))
    message = EmailMultiAlternatives(built.subject, built.text, sender, list(recipients))
    message.attach_alternative(built.html, "text/html")
    return message


def _sentence(invitation: Invitation) -> str:
    names = {
        "brand": invitation.brand.name,
        "role": _ROLES[Role(invitation.role)],
        "inviter": invitation.invited_by,
    }
    if invitation.invited_by is None:
        return _("You were invited to join %(brand)s on promoplatform as %(role)s.") % names
    return _("%(inviter)s invited you to join %(brand)s on promoplatform as %(role)s.") % names
