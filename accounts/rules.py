"""Rules for credentials: tokens, API keys and account identifiers. Pure functions; the current time is ``at``."""

import enum
import hashlib
import hmac
import ipaddress
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt
import phonenumbers

from accounts.contracts import (
    ALL_BRANDS,
    NO_ASSURANCE,
    Acceptance,
    Assurance,
    Caller,
    Grant,
    Method,
    canonicalize_customer_id,
)
from core.errors import InvalidRequest, TokenExpired, TokenInvalid

ISSUER = AUDIENCE = "promoplatform"
ALGORITHM = "HS256"
KEY_MARK = "promo_live_"  # how every API key begins; promo_test_ is kept for keys of a test area
KEY_ID_LENGTH, KEY_SECRET_LENGTH = 12, 43  # letters and digits
_KEY_PATTERN = re.compile(
    rf"(promo_(?:live|test)_[A-Za-z0-9]{{{KEY_ID_LENGTH}}})_[A-Za-z0-9]{{{KEY_SECRET_LENGTH}}}"
    r"|(pk[a-z0-9]{10})\.[\x21-\x7e]+"  # keys that were issued before the mark
)
_PHONE_PATTERN = re.compile(r"\+?[0-9() ./-]+")
_REQUIRED = ["iss", "aud", "typ", "sub", "uid", "iat", "exp"]


class TokenKind(enum.StrEnum):
    """The purpose of a token: to call the API, or to get the next access token."""

    ACCESS = "access"
    REFRESH = "refresh"


class Keyring:
    """Token keys derived from secrets. The first key signs and all keys verify, so that a secret can be rotated."""

    def __init__(self, secrets: Sequence[str]) -> None:
        keys = [hmac.digest(b"promoplatform.tokens", secret.encode(), "sha256") for secret in secrets]
        self._keys = {hashlib.sha256(key).hexdigest()[:8]: key for key in keys}
        self.kid, self.key = next(iter(self._keys.items()))
        self._headers = {_encode_header(kid, key): key for kid, key in self._keys.items()}

    def signs(self, token: str) -> bool:
        """Return whether the header of a token is one that ``encode_token`` writes."""
        return token.partition(".")[0] in self._headers

    def key_for_header(self, header: str) -> bytes:
        """Return the key for an encoded JWT header exactly as ``encode_token`` writes it. Raises TokenInvalid.

        Any other header is rejected, so that a token can't choose another algorithm.
        """
        key = self._headers.get(header)
        if key is None:
            raise TokenInvalid
        return key


@dataclass(frozen=True, slots=True)
class Claims:
    """The verified contents of a token."""

    caller: Caller
    expires_at: datetime
    password: str = ""
    family: uuid.UUID | None = None
    generation: int = 0
    assurance: Assurance = NO_ASSURANCE


def encode_token(
    *,
    kind: TokenKind,
    caller: Caller,
    keyring: Keyring,
    at: datetime,
    lifetime: timedelta,
    assurance: Assurance = NO_ASSURANCE,
    password: str = "",
    family: uuid.UUID | None = None,
    generation: int = 0,
) -> str:
    """Create a signed token (JWT, RFC 7519) for a user.

    ``assurance`` is how and when the user signed in: the claims ``amr`` and ``auth_time``. ``password`` is the
    password digest that invalidates a refresh token when the user's password changes. ``family`` and ``generation``
    say of which sign-in a refresh token is, and how many came before it.
    """
    issued = int(at.timestamp())
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "typ": kind.value, "iat": issued, "exp": issued + int(lifetime.total_seconds()),
        "sub": str(caller.user_id), "uid": caller.user_key, "cid": caller.customer_key, "cus": caller.customer_id,
        "adm": caller.is_superuser, "epo": caller.token_epoch, "amr": sorted(assurance.methods),
    }  # fmt: skip
    if assurance.at is not None:
        claims["auth_time"] = int(assurance.at.timestamp())
    if password:
        claims["pwd"] = password
    if family is not None:
        claims |= {"fam": str(family), "gen": generation}
    return jwt.encode(claims, keyring.key, ALGORITHM, headers={"kid": keyring.kid})


def decode_token(token: str, *, kind: TokenKind, keyring: Keyring, at: datetime) -> Claims:
    """Return the claims of a token of this kind. Raises TokenInvalid, and TokenExpired from ``expires_at`` on."""
    claims = _verify_token(token, kind, keyring)
    if claims.expires_at <= at:
        raise TokenExpired
    return claims


@lru_cache(maxsize=4096)
def _verify_token(token: str, kind: TokenKind, keyring: Keyring) -> Claims:
    """Verify the signature, not the expiry. The result never changes, so recent tokens are cached."""
    try:
        key = keyring.key_for_header(token.partition(".")[0])
        claims = jwt.decode(token, key, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=_OPTIONS)
        if claims["typ"] != kind.value:
            raise TokenInvalid
        return _parse_claims(claims)
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise TokenInvalid from error


def _encode_header(kid: str, key: bytes) -> str:
    return jwt.encode({}, key, ALGORITHM, headers={"kid": kid}).partition(".")[0]


_OPTIONS: Any = {"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False}


def _parse_claims(claims: Mapping[str, Any]) -> Claims:
    user_id = uuid.UUID(claims["sub"])
    methods = frozenset(map(Method, claims.get("amr", ())))  # none in a token of an earlier release
    auth_time = datetime.fromtimestamp(claims["auth_time"], UTC) if "auth_time" in claims else None
    assurance = Assurance(methods, auth_time)
    caller = Caller(
        identity=f"user:{user_id}", user_id=user_id, user_key=int(claims["uid"]), customer_key=claims.get("cid"),
        customer_id=claims.get("cus"), is_superuser=claims.get("adm") is True, token_epoch=int(claims.get("epo", 0)),
        has_second_factor=assurance.has_second_factor, signed_in_at=assurance.at,
    )  # fmt: skip
    family = uuid.UUID(claims["fam"]) if "fam" in claims else None
    expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    return Claims(caller, expires_at, claims.get("pwd", ""), family, int(claims.get("gen", 0)), assurance)


# --- tokens of a brand's own login ------------------------------------------------------------------------------------
LEEWAY = timedelta(seconds=60)
_PLAIN_NAME = re.compile(r"(?!~)[^\s]+(?: [^\s]+)*")
MAX_NAME_LENGTH = 42


def customer_id_of_issuer(*, slug: str, name: object) -> str:
    """Return the customer ID of the shopper that a brand's own login calls ``name``.

    It is ``<slug>:<name>``. A name that isn't its own canonical form, or is long, is replaced by a digest, so that no
    two names mean the same customer. Raises TokenInvalid.
    """
    text = str(name) if isinstance(name, str | int) and not isinstance(name, bool) else ""
    if not text or len(text) > 1000 or not text.isprintable():
        raise TokenInvalid
    is_plain = len(text) <= MAX_NAME_LENGTH and canonicalize_customer_id(text) == text and _PLAIN_NAME.fullmatch(text)
    part = text if is_plain else "~" + hashlib.sha256(text.encode()).hexdigest()[:40]
    return canonicalize_customer_id(f"{slug}:{part}")


def check_times(
    claims: Mapping[str, Any], *, max_lifetime: timedelta, valid_from: datetime | None, at: datetime
) -> datetime:
    """Return when a token of a brand's own login expires.

    Raises TokenExpired, and TokenInvalid for one that isn't valid yet, lives longer than ``max_lifetime`` or was issued
    before ``valid_from``.
    """
    try:
        issued, expires = (datetime.fromtimestamp(float(claims[name]), UTC) for name in ("iat", "exp"))
        starts = datetime.fromtimestamp(float(claims.get("nbf", claims["iat"])), UTC)
    except (KeyError, ValueError, TypeError, OverflowError, OSError) as error:
        raise TokenInvalid from error
    if max(issued, starts) > at + LEEWAY or expires - issued > max_lifetime:
        raise TokenInvalid
    if valid_from is not None and issued < valid_from:
        raise TokenInvalid
    if expires + LEEWAY <= at:
        raise TokenExpired
    return expires


def password_digest(password_hash: str, keyring: Keyring) -> str:
    """Return a digest that changes with the password and doesn't reveal it."""
    return hmac.new(keyring.key, b"password:" + password_hash.encode(), "sha256").hexdigest()[:32]


def is_password_unchanged(password_hash: str, digest: str, secrets: Sequence[str]) -> bool:
    """Return whether ``digest`` was computed from this password hash with one of the secrets."""
    digests = [password_digest(password_hash, Keyring([secret])) for secret in secrets]
    return any(hmac.compare_digest(candidate, digest) for candidate in digests)


def key_text(*, prefix: str, secret: str) -> str:
    """Return the plain text of an API key, as its server sends it."""
    return f"{prefix}_{secret}"


def key_prefix(text: str) -> str:
    """Return the public part of an API key. Raises TokenInvalid for malformed keys."""
    match = _KEY_PATTERN.fullmatch(text)
    if match is None:
        raise TokenInvalid
    return str(match[1] or match[2])


def is_in_networks(address: str, networks: Collection[str]) -> bool:
    """Return whether an IP address is in one of the networks. An IPv4 address in IPv6 notation counts as IPv4."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in ipaddress.ip_network(network) for network in networks)


def key_digest(text: str) -> bytes:
    """Return the digest that is stored for an API key. Its 256 random bits don't need a slow hash."""
    return hashlib.sha256(text.encode()).digest()


def digests_equal(one: bytes, other: bytes) -> bool:
    """Compare two digests in constant time."""
    return hmac.compare_digest(one, other)


def phone_number(text: str) -> str:
    """Return a phone number in E.164 format, such as ``+34600000000``. Raises InvalidRequest (field ``phone``)."""
    try:
        number = phonenumbers.parse(re.sub(r"^00", "+", text.strip()))
    except phonenumbers.NumberParseException as error:
        raise _invalid_phone() from error
    if not phonenumbers.is_valid_number(number) or number.extension:
        raise _invalid_phone()
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _invalid_phone() -> InvalidRequest:
    return InvalidRequest.field("phone", "Enter the number with the country code, for example +34600000000.")


class IdentifierType(enum.StrEnum):
    """The kind of identifier that a user signs in with."""

    EMAIL = "email"
    PHONE = "phone"
    USERNAME = "username"


def parse_identifier(account: str) -> tuple[IdentifierType, str]:
    """Return the type of an account identifier and its normalized form for the lookup.

    An identifier with an @ is an email address, digits alone are a phone number, anything else is a username.
    Usernames can't look like either, so that an identifier never matches two users.
    """
    text = account.strip()
    if "@" in text:
        return IdentifierType.EMAIL, text.lower()
    if _PHONE_PATTERN.fullmatch(text):
        try:
            return IdentifierType.PHONE, phone_number(text)
        except InvalidRequest:
            return IdentifierType.PHONE, text
    return IdentifierType.USERNAME, text.lower()


# --- offers -----------------------------------------------------------------------------------------------------------
def grant_key(issuer: uuid.UUID, acceptor: uuid.UUID) -> uuid.UUID:
    """Return the ID by which what a brand's grants to another one give is counted."""
    return uuid.uuid5(issuer, str(acceptor))


def decide_acceptance(caller: Caller, grants: Mapping[uuid.UUID, Grant]) -> Acceptance:
    """Return the brands whose offers a caller may get: a brand's server those of its brand, others those of all brands.

    ``grants`` are what other brands granted to the caller's brand, by brand. The platform's own
    checkout acts for every brand. Each brand decides what shoppers may reserve and confirm.
    """
    if caller.platform_key is not None:
        return ALL_BRANDS
    if caller.issuer_brand_id is not None:
        return Acceptance(frozenset({caller.issuer_brand_id}), is_shopper=True)
    if caller.api_key_id is None:
        return Acceptance(None, is_shopper=True)
    return Acceptance(frozenset() if caller.brand_id is None else frozenset({caller.brand_id}), grants=grants)


# --- sessions ---------------------------------------------------------------------------------------------------------
class SessionEnd(enum.Enum):
    """Why a session of the admin is over."""

    TOO_OLD = "too old"
    IDLE = "idle"
    ENDED = "ended"  # by its user, on another device, or with the user's account


def find_session_end(
    *, signed_in_at: datetime, seen_at: datetime, lifetime: timedelta, idle: timedelta, at: datetime
) -> SessionEnd | None:
    """Return why a session is over by its age or the time of its last use, None if it isn't."""
    if signed_in_at + lifetime <= at:
        return SessionEnd.TOO_OLD
    return SessionEnd.IDLE if seen_at + idle <= at else None


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip


def describe_device(user_agent: str) -> str:
    """Return the browser and the system of a User-Agent header, or its beginning if it names neither."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return ", ".join(filter(None, [browser, system])) or user_agent[:60]
