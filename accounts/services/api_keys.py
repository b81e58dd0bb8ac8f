"""Services that create, authenticate and revoke API keys."""

import secrets
import string
from datetime import datetime, timedelta

from django.db.models import Q

from accounts import rules
from accounts.contracts import Caller, NewApiKey, Scope
from accounts.models import ApiKey, Brand
from core.errors import TokenInvalid

_ALPHABET = string.ascii_lowercase + string.digits
LAST_USED_UPDATE_INTERVAL = timedelta(minutes=1)


def issue_key(*, brand: Brand | None, name: str, at: datetime, scope: Scope = Scope.INTERNAL) -> NewApiKey:
    """Create an API key for a brand's server or, without a brand, for a scope of the platform.

    The plain text of the key isn't stored.
    """
    prefix = "pk" + "".join(secrets.choice(_ALPHABET) for _ in range(rules.KEY_PREFIX_LENGTH - 2))
    text = rules.key_text(prefix=prefix, secret=secrets.token_urlsafe(32))
    key = ApiKey.objects.create(
        brand=brand,
        scope=scope if brand is None else Scope.BRAND,
        name=name,
        prefix=prefix,
        digest=rules.key_digest(text),
        created_at=at,
    )
    return NewApiKey(key.pk, key.name, key.prefix, text, at)


def revoke_key(*, key: ApiKey, at: datetime) -> None:
    """Revoke an API key. Revoking it again keeps the first date."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=at)


def authenticate_api_key(*, text: str, at: datetime) -> Caller:
    """Return the caller of an API key, and update ``last_used_at`` at most once a minute. Raises TokenInvalid."""
    key = ApiKey.objects.filter(prefix=rules.key_prefix(text), revoked_at=None).first()
    if not rules.digests_equal(rules.key_digest(text), bytes(key.digest) if key else b"") or key is None:
        raise TokenInvalid
    if key.last_used_at is None or key.last_used_at <= at - LAST_USED_UPDATE_INTERVAL:
        is_outdated = Q(last_used_at=None) | Q(last_used_at__lte=at - LAST_USED_UPDATE_INTERVAL)
        ApiKey.objects.filter(is_outdated, pk=key.pk).update(last_used_at=at)
    return Caller(identity=f"key:{key.pk}", api_key_id=key.pk, scope=Scope(key.scope), brand_id=key.brand_id)
