"""Decisions about credentials: tokens, API keys, account names. Values in, values out; time comes as ``at``."""

import enum
import hashlib
import hmac
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt
import phonenumbers

from accounts.contracts import Caller
from core.errors import InvalidRequest, TokenExpired, TokenInvalid

ISSUER = AUDIENCE = "promoplatform"
ALGORITHM = "HS256"
KEY_PREFIX_LENGTH = 12
_PHONE_PATTERN = re.compile(r"\+?[0-9() ./-]+")
_REQUIRED = ["iss", "aud", "typ", "sub", "uid", "iat", "exp"]


class TokenKind(enum.StrEnum):
    """What a token is good for: calling, or getting the next access token."""

    ACCESS = "access"
    REFRESH = "refresh"


class Keyring:
    """Keys derived from secrets: the first one signs, all of them verify, so that a secret can be rotated."""

    def __init__(self, secrets: Sequence[str]) -> None:
        keys = [hmac.digest(b"promoplatform.tokens", secret.encode(), "sha256") for secret in secrets]
        self._keys = {hashlib.sha256(key).hexdigest()[:8]: key for key in keys}
        self.kid, self.key = next(iter(self._keys.items()))
        self._heads = {_head(kid, key): key for kid, key in self._keys.items()}

    def key_for_header(self, head: str) -> bytes:
        """The key that signs tokens of this very head (the first part of the JWT), as ``sign`` writes it.

        No other head is one of ours, so none can ask for another way of signing. Raises TokenInvalid.
        """
        key = self._heads.get(head)
        if key is None:
            raise TokenInvalid
        return key


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says about its bearer, with its end."""

    caller: Caller
    expires_at: datetime
    password: str = ""


def encode_token(
    *, kind: TokenKind, caller: Caller, keyring: Keyring, at: datetime, lifetime: timedelta, password: str = ""
) -> str:
    """A signed token (JWT, RFC 7519) for a user; ``password`` is the digest that binds a refresh token to theirs."""
    issued = int(at.timestamp())
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "typ": kind.value, "iat": issued, "exp": issued + int(lifetime.total_seconds()),
        "sub": str(caller.user_id), "uid": caller.user_key, "cid": caller.customer_key, "cus": caller.customer_id,
        "adm": caller.is_superuser,
    }  # fmt: skip
    if password:
        claims["pwd"] = password
    return jwt.encode(claims, keyring.key, ALGORITHM, headers={"kid": keyring.kid})


def decode_token(token: str, *, kind: TokenKind, keyring: Keyring, at: datetime) -> Claims:
    """The claims of a token of this kind. Raises TokenInvalid, or TokenExpired from the second of its end on."""
    found = _verified(token, kind, keyring)
    if found.expires_at <= at:
        raise TokenExpired
    return found


@lru_cache(maxsize=4096)
def _verified(token: str, kind: TokenKind, keyring: Keyring) -> Claims:
    """What the signature vouches for, whatever the time: it never changes, so the latest tokens are verified once."""
    try:
        key = keyring.key_for_header(token.partition(".")[0])
        claims = jwt.decode(token, key, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=_OPTIONS)
        if claims["typ"] != kind.value:
            raise TokenInvalid
        return _claims(claims)
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise TokenInvalid from error


def _head(kid: str, key: bytes) -> str:
    return jwt.encode({}, key, ALGORITHM, headers={"kid": kid}).partition(".")[0]


_OPTIONS: Any = {"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False}


def _claims(claims: Mapping[str, Any]) -> Claims:
    user_id = uuid.UUID(claims["sub"])
    caller = Caller(
        identity=f"user:{user_id}", user_id=user_id, user_key=int(claims["uid"]), customer_key=claims.get("cid"),
        customer_id=claims.get("cus"), is_superuser=claims.get("adm") is True,
    )  # fmt: skip
    return Claims(caller, datetime.fromtimestamp(claims["exp"], UTC), claims.get("pwd", ""))


def password_digest(password_hash: str, keyring: Keyring) -> str:
    """Changes whenever the password does, and says nothing about it."""
    return hmac.new(keyring.key, b"password:" + password_hash.encode(), "sha256").hexdigest()[:32]


def is_password_unchanged(password_hash: str, digest: str, secrets: Sequence[str]) -> bool:
    """Whether ``digest`` was made of this password hash under one of the secrets."""
    made = [password_digest(password_hash, Keyring([secret])) for secret in secrets]
    return any(hmac.compare_digest(one, digest) for one in made)


def key_text(*, prefix: str, secret: str) -> str:
    """An API key as its holder sends it."""
    return f"{prefix}.{secret}"


def key_prefix(text: str) -> str:
    """The part of an API key that may be known. Raises TokenInvalid for what is no key."""
    prefix, dot, secret = text.partition(".")
    if len(prefix) != KEY_PREFIX_LENGTH or not dot or not secret or not text.isascii() or not text.isprintable():
        raise TokenInvalid
    return prefix


def key_digest(text: str) -> bytes:
    """What is kept of an API key: 256 random bits need no slow hash."""
    return hashlib.sha256(text.encode()).digest()


def digests_equal(one: bytes, other: bytes) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(one, other)


def phone_number(text: str) -> str:
    """A phone number in E.164, such as ``+34600000000``. Raises Invalid (field ``phone``)."""
    try:
        number = phonenumbers.parse(re.sub(r"^00", "+", text.strip()))
    except phonenumbers.NumberParseException as error:
        raise _invalid_phone() from error
    if not phonenumbers.is_valid_number(number) or number.extension:
        raise _invalid_phone()
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _invalid_phone() -> InvalidRequest:
    return InvalidRequest.field("phone", "Write the number with its country, such as +34600000000.")


class IdentifierType(enum.StrEnum):
    """What someone signs in with."""

    EMAIL = "email"
    PHONE = "phone"
    USERNAME = "username"


def parse_identifier(account: str) -> tuple[IdentifierType, str]:
    """How an account name is looked up, and in which spelling.

    What has an @ is an e-mail address, what is all digits a phone number, the rest a username. A username is neither,
    so that one name never means two users.
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
