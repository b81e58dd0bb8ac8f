"""Reads of brands' identity providers."""

import uuid

from django.db.models import QuerySet

from accounts.contracts import SignOn
from accounts.models import IdentityProvider
from accounts.selectors.second_factors import factor_cipher


def find_provider(*, slug: str) -> IdentityProvider | None:
    """Return the identity provider by which the staff of an active brand can sign in."""
    return _open().filter(brand__slug=slug).first()


def get_provider(*, brand_id: uuid.UUID) -> IdentityProvider | None:
    """Return the identity provider by which the staff of an active brand can sign in."""
    return _open().filter(brand=brand_id).first()


def decrypt_secret(provider: IdentityProvider) -> str:
    """Return the secret of this platform at an identity provider."""
    return factor_cipher().decrypt(provider.secret.encode()).decode() if provider.secret else ""


def _open() -> QuerySet[IdentityProvider]:
    providers = IdentityProvider.objects.filter(brand__is_active=True).exclude(brand__sso=SignOn.OFF)
    return providers.select_related("brand")
