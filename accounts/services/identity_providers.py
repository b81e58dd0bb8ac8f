"""Services of brands' identity providers: their settings, and the people who sign in by them."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import selectors
from accounts.contracts import Caller, SignOn
from accounts.errors import IdentityUnknown
from accounts.models import Brand, IdentityProvider, Invitation, User
from accounts.services.registration import add_customer
from accounts.services.staff import accept_invitation
from core.errors import InvalidRequest

FACTOR_FIRST = _("Set up your own second factor first, and sign in with it.")
MAX_NAME_LENGTH = 100  # of usernames made of an address
SUBJECT_LENGTH = 191


@dataclass(frozen=True, slots=True)
class Identity:
    """What an identity provider says of a person: the subject is theirs for good, the address may change."""

    subject: str
    email: str = ""
    is_email_verified: bool = False


@transaction.atomic
def save_provider(*, provider: IdentityProvider, secret: str = "") -> IdentityProvider:
    """Save a brand's identity provider; an empty secret keeps the present one.

    Another issuer has other subjects, so that those of the former one are forgotten.
    """
    if secret:
        provider.secret = selectors.factor_cipher().encrypt(secret.encode()).decode()
    former = IdentityProvider.objects.select_for_update().filter(pk=provider.pk).first()
    if former is not None and (former.issuer, former.client_id) != (provider.issuer, provider.client_id):
        _forget_identities(former)
    provider.save()
    return provider


@transaction.atomic
def delete_provider(*, provider: IdentityProvider) -> None:
    """Delete a brand's identity provider. Raises InvalidRequest while the brand signs in by it."""
    brand = Brand.objects.select_for_update().get(pk=provider.brand_id)
    if brand.sso != SignOn.OFF:
        raise InvalidRequest.field("sso", gettext("Turn sign-in by the identity provider off in the brand first."))
    _forget_identities(provider)
    provider.delete()


def _forget_identities(provider: IdentityProvider) -> None:
    SocialAccount.objects.filter(provider=provider.key).delete()


def check_sign_in_settings(*, brand: Brand, caller: Caller, changes: Mapping[str, Any]) -> None:
    """Check that those who require a second factor or the provider of others have used it. Raises InvalidRequest."""
    requires = changes.get("require_second_factor", brand.require_second_factor)
    if requires and not brand.require_second_factor and not caller.has_second_factor:
        raise InvalidRequest.field("require_second_factor", str(FACTOR_FIRST))
    check_sign_on(brand=brand, sso=changes.get("sso", brand.sso), provider_brand_id=caller.provider_brand_id)


def check_sign_on(*, brand: Brand, sso: str, provider_brand_id: uuid.UUID | None) -> None:
    """Check that a brand's staff can sign in after a change of ``sso``. Raises InvalidRequest (field ``sso``).

    A provider is required only by those who have just used it, so that a mistake in its settings locks nobody out.
    """
    if sso in {brand.sso, SignOn.OFF}:
        return
    if not IdentityProvider.objects.filter(brand=brand).exclude(domains=[]).exists():
        raise InvalidRequest.field(
            "sso", gettext("Set up the identity provider of the brand and its email domains first.")
        )
    if sso == SignOn.REQUIRED and provider_brand_id != brand.pk:
        raise InvalidRequest.field("sso", gettext("Sign in by the identity provider first, to see that it works."))


@transaction.atomic
def find_staff(*, provider: IdentityProvider, identity: Identity, at: datetime) -> User:
    """Return the user that a brand's provider identifies: a member of the staff, or somebody invited to it.

    A person is known by the subject. At first, the address leads to them, if the provider has verified it and it is in
    a domain of the brand. It leads to nobody who has rights outside the brand, and invited people get an account if
    they have none. Raises IdentityUnknown.
    """
    if not 0 < len(identity.subject) <= SUBJECT_LENGTH or "\0" in identity.subject:
        raise IdentityUnknown
    known = SocialAccount.objects.filter(provider=provider.key, uid=identity.subject).select_related("user").first()
    user = known.user if known else _find_by_address(provider, identity, at)
    if not user.is_active or user.is_superuser or not user.memberships.filter(brand=provider.brand_id).exists():
        raise IdentityUnknown
    if known is None:
        SocialAccount.objects.create(provider=provider.key, uid=identity.subject, user=user)
    return user


def _find_by_address(provider: IdentityProvider, identity: Identity, at: datetime) -> User:
    if not (identity.is_email_verified and provider.covers(identity.email)) or "\0" in identity.email:
        raise IdentityUnknown
    invitations = Invitation.objects.filter(brand=provider.brand_id, accepted_at=None, expires_at__gt=at)
    invitation = invitations.filter(email__iexact=identity.email).select_related("brand").first()
    user = User.objects.with_email(identity.email).select_for_update(of=("self",)).first()
    if user is None:
        if invitation is None:
            raise IdentityUnknown
        user = _create_user(identity.email, at)
    elif user.email_verified_at is None or user.memberships.exclude(brand=provider.brand_id).exists():
        raise IdentityUnknown
    if SocialAccount.objects.filter(
        provider=provider.key, user=user
    ).exists():  # of another person, who had the address
        raise IdentityUnknown
    if invitation is not None:
        accept_invitation(invitation=invitation, user=user, at=at)
    return user


def _create_user(email: str, at: datetime) -> User:
    """Create the account of an invited person, who signs in by the provider only."""
    name = re.sub(r"[^\w.-]+", "-", email.partition("@")[0])[:MAX_NAME_LENGTH].strip("-.") or "staff"
    name = name if re.search(r"[^\W\d]", name) else f"staff-{name}"
    for username in (name, f"{name}-{uuid.uuid4().hex[:12]}"):
        user = User(username=username, email=User.objects.normalize_email(email), date_joined=at, email_verified_at=at)
        user.set_unusable_password()
        try:
            with transaction.atomic():
                user.save()
        except IntegrityError:
            continue
        add_customer(user=user)
        return user
    raise IdentityUnknown
