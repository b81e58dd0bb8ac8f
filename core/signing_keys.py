"""Public keys of other systems (JWKS, RFC 7517), and the tokens that they sign."""

from collections.abc import Mapping
from typing import Any

import jwt

from core.outbound import RETRY_SECONDS, DocumentCache

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
MAX_KEYS = 100


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
        key = find_key(url=keys_url, kid=str(jwt.get_unverified_header(token).get("kid", "")))
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=issuer,
            audience=audience,
            leeway=leeway,
            options={"require": ["iss", "aud", "sub", "iat", "exp"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenUnverified(str(error)) from error
    return claims
