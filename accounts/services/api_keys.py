"""Services that create, authenticate, roll and revoke API keys."""

import secrets
import string
import uuid
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import emails, rules, selectors
from accounts.contracts import BRAND_SCOPES, Caller, NewApiKey, Scope
from accounts.errors import KeyNotRollable
from accounts.models import ApiKey, Brand, User
from accounts.services.key_rights import check_key_scopes, parse_network
from core.errors import InvalidRequest, TokenExpired, TokenInvalid
from core.outbox import enqueue_on_commit

_ALPHABET = string.ascii_letters + string.digits
LAST_USED_UPDATE_INTERVAL = timedelta(minutes=1)
MAX_ADDRESSES = 50  # of a key
MAX_OVERLAP = timedelta(days=30)  # in which a rolled key still works


@transaction.atomic
def issue_key(
    *,
    brand: Brand | None,
    name: str,
    at: datetime,
    scopes: Collection[Scope] = BRAND_SCOPES,
    created_by: User | None = None,
    expires_at: datetime | None = None,
    addresses: Collection[str] = (),
    internal_brands: Collection[uuid.UUID] = (),
    replaces: ApiKey | None = None,
) -> NewApiKey:
    """Create an API key for a brand's server or, without a brand, for the platform. Its owners get an email.

    The plain text of the key isn't stored. ``addresses`` are the IP addresses and networks that may use it, none for
    any. Raises InvalidRequest (fields ``scopes``, ``expires_at``, ``addresses``).
    """
    if expires_at is not None and expires_at <= at:
        raise InvalidRequest.field("expires_at", _("Choose a time in the future."))
    if len(addresses) > MAX_ADDRESSES:
        raise InvalidRequest.field("addresses", _("Enter at most %(max)s addresses.") % {"max": MAX_ADDRESSES})
    prefix = rules.KEY_MARK + _random_text(rules.KEY_ID_LENGTH)
    text = rules.key_text(prefix=prefix, secret=_random_text(rules.KEY_SECRET_LENGTH))
    key = ApiKey.objects.create(
        brand=brand,
        scopes=list(check_key_scopes(scopes, of_brand=brand is not None)),
        internal_brands=list(internal_brands),
        name=name,
        prefix=prefix,
        digest=rules.key_digest(text),
        addresses=[parse_network(address) for address in addresses],
        created_by=created_by,
        replaces=replaces,
        created_at=at,
        expires_at=expires_at,
    )
    enqueue_on_commit("accounts.announce_api_key", key_id=str(key.pk))
    return NewApiKey(
        key.pk, name, prefix, text, tuple(map(Scope, key.scopes)), at, expires_at, addresses=tuple(key.addresses)
    )


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@transaction.atomic
def roll_key(*, key: ApiKey, overlap: timedelta, created_by: User | None, at: datetime) -> NewApiKey:
    """Create a key with the same rights, and let the old one expire after the overlap.

    The new key has the lifetime of the old one. Raises KeyNotRollable for a key that was rolled, revoked or has
    expired, and InvalidRequest (field ``overlap_hours``).
    """
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        detail = _("Choose 0 to %(max)s hours.") % {"max": int(MAX_OVERLAP.total_seconds()) // 3600}
        raise InvalidRequest.field("overlap_hours", detail)
    key = ApiKey.objects.select_for_update(of=("self",)).select_related("brand").get(pk=key.pk)
    if not selectors.is_rollable(key, at=at):
        raise KeyNotRollable
    new = issue_key(
        brand=key.brand,
        name=key.name,
        at=at,
        scopes=[Scope(scope) for scope in key.scopes],
        created_by=created_by,
        expires_at=None if key.expires_at is None else at + (key.expires_at - key.created_at),
        addresses=key.addresses,
        internal_brands=key.internal_brands,
        replaces=key,
    )
    ends_at = at + overlap
    key.expires_at = ends_at if key.expires_at is None else min(key.expires_at, ends_at)
    key.save(update_fields=["expires_at"])
    return new


def revoke_key(*, key: ApiKey, at: datetime) -> None:
    """Revoke an API key. Revoking it again keeps the first date."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=at)


def authenticate_api_key(*, text: str, address: str, at: datetime) -> Caller:
    """Return the caller of an API key, and update ``last_used_at`` at most once a minute.

    ``address`` is the client's IP address. Raises TokenInvalid, and TokenExpired from ``expires_at`` on.
    """
    key = ApiKey.objects.select_related("brand").filter(prefix=rules.key_prefix(text)).first()
    if not rules.digests_equal(rules.key_digest(text), bytes(key.digest) if key else b"") or key is None:
        raise TokenInvalid
    _check_usable(key, address, at)
    if key.last_used_at is None or key.last_used_at <= at - LAST_USED_UPDATE_INTERVAL:
        is_outdated = Q(last_used_at=None) | Q(last_used_at__lte=at - LAST_USED_UPDATE_INTERVAL)
        ApiKey.objects.filter(is_outdated, pk=key.pk).update(last_used_at=at)
    return Caller(
        identity=f"key:{key.pk}", api_key_id=key.pk, scopes=frozenset(map(Scope, key.scopes)), brand_id=key.brand_id,
        internal_brand_ids=frozenset(key.internal_brands) or None,
        language=key.brand.language if key.brand else None,
    )  # fmt: skip


def _check_usable(key: ApiKey, address: str, at: datetime) -> None:
    """Raise an error that says why a key can't be used. Only its holder learns it."""
    if key.revoked_at is not None:
        raise TokenInvalid(_("This API key was revoked."))
    if key.expires_at is not None and key.expires_at <= at:
        raise TokenExpired(_("This API key has expired."))
    if key.addresses and not rules.is_in_networks(address, key.addresses):
        raise TokenInvalid(_("This API key can't be used from the address %(address)s.") % {"address": address})


def announce_key(*, key_id: uuid.UUID) -> None:
    """Send the owners of a key's brand, or the platform admins, an email that says that the key exists."""
    key = ApiKey.objects.select_related("brand", "created_by").filter(pk=key_id).first()
    if key is not None:
        write_to_owners(key.brand, partial(emails.new_api_key, key=key))


def request_key_review(*, brand: Brand, user: User, at: datetime) -> None:
    """Ask the owners of a brand to review the keys that a former member created and that still work, if any."""
    keys = list(selectors.list_keys_created_by(user, brand=brand, at=at))
    if keys:
        write_to_owners(brand, partial(emails.key_review, brand=brand, user=user, keys=keys))


def write_to_owners(brand: Brand | None, build: Callable[..., EmailMessage]) -> None:
    """Send the owners of a brand, or the platform admins, an email that ``build`` makes for ``recipients``, if any.

    It is in the language of the brand, or the platform's.
    """
    if recipients := selectors.list_key_owners(brand=brand):
        with translation.override((brand.language if brand else "") or settings.LANGUAGE_CODE):
            build(recipients=recipients).send()
