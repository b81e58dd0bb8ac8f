"""Public keys of other systems (JWKS, RFC 7517), and the tokens that they sign."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from core.outbound import RETRY_SECONDS, DocumentCache

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
MAX_KEYS = 100
MIN_RSA_BITS = 2048


class TokenUnverified(Exception):
    """A token has no valid signature, was issued by or for somebody else, or has expired."""


def parse_keys(document: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """Return the usable signing keys of a key set by ID. Raises ValueError, KeyError, TypeError."""
    keys = {}
    for values in list(document["keys"])[:MAX_KEYS]:
        if values.get("kty") == "oct" or values.get("use", "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK.from_dict(values)
        except jwt.PyJWTError:
            continue  # of a kind that is not supported
        if key.algorithm_name in ALGORITHMS:
            keys[str(values.get("kid", ""))] = key
    return keys


key_sets = DocumentCache(parse_keys)


def find_key(*, url: str, kid: str) -> jwt.PyJWK:
    """Return a key of the set at ``url``, which is fetched again for a new ID, as keys are replaced now and then.

    Raises requests.RequestException, and TokenUnverified if there is no such key.
    """
    key = key_sets.get(url).get(kid) or key_sets.get(url, max_age=RETRY_SECONDS).get(kid)
    if key is None:
        raise TokenUnverified("unknown key")
    return key


def verify_token(token: str, *, keys_url: str, issuer: str, audience: str, leeway: int = 60) -> dict[str, Any]:
    """Return the claims of a token that an issuer signed for ``audience``.

    Raises TokenUnverified, and requests.RequestException if the keys can't be fetched.
    """
    try:
        kid = str(jwt.get_unverified_header(token).get("kid", ""))
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenUnverified(str(error)) from error
    key = find_key(url=keys_url, kid=kid)
    options = {"require": ["iss", "aud", "sub", "iat", "exp"]}
    return _decode(token, key=key, issuer=issuer, audience=audience, leeway=leeway, options=options)


def _decode(token: str, *, key: jwt.PyJWK, **checks: Any) -> dict[str, Any]:
    """Return the claims of a token that ``key`` signed. The key says by which algorithm, never the token."""
    try:
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=[key.algorithm_name], **checks)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenUnverified(str(error)) from error
    return claims


# --- tokens that anybody can send -------------------------------------------------------------------------------------
MAX_TOKEN_LENGTH = 8192
_SIGNATURE_ONLY: Any = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "require": ["iss", "aud", "iat", "exp"],
}
_NO_SIGNATURE: Any = {"verify_signature": False}
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@lru_cache(maxsize=1000)
def parse_public_key(text: str) -> jwt.PyJWK:
    """Return a public key in PEM form as a signing key: RSA of 2,048 bits or more, ECDSA or EdDSA.

    Raises ValueError.
    """
    try:
        key: Any = load_pem_public_key(text.encode())
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS:
        name: str | None = "RS256"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        name = _CURVES.get(key.curve.name)
    else:
        name = "EdDSA" if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) else None
    if name is None:
        raise ValueError("not a key of a supported kind")
    values: Any = jwt.get_algorithm_by_name(name).to_jwk(key, as_dict=True)
    return jwt.PyJWK.from_dict(values, name)


def read_unverified(token: str) -> tuple[str, dict[str, Any]]:
    """Return the key ID and the claims of a token that nobody has verified. Raises TokenUnverified."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenUnverified("too long")
    try:
        decoded = jwt.decode_complete(token, options=_NO_SIGNATURE)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise TokenUnverified(str(error)) from error
    return str(decoded["header"].get("kid", "")), decoded["payload"]


def find_key_bounded(*, url: str, kid: str) -> jwt.PyJWK:
    """Return a key of the set at ``url`` with a bounded number of fetches, whatever IDs tokens name.

    A token without a key ID is verified with the only key of a set. Raises as ``find_key``.
    """
    keys = key_sets.get_bounded(url, is_enough=lambda keys: kid in keys or (not kid and len(keys) == 1))
    key = next(iter(keys.values())) if not kid and len(keys) == 1 else keys.get(kid)
    if key is None:
        raise TokenUnverified("unknown key")
    return key


def verify_signature(token: str, *, key: jwt.PyJWK, issuer: str, audience: str) -> dict[str, Any]:
    """Return the claims of a token that ``key`` signed for ``audience``, whatever its times. Raises TokenUnverified."""
    return _decode(token, key=key, issuer=issuer, audience=audience, options=_SIGNATURE_ONLY)
