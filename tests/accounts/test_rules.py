from datetime import UTC, datetime, timedelta

import jwt
import pytest
from jwt.warnings import InsecureKeyLengthWarning

from accounts import rules
from accounts.contracts import Caller
from accounts.rules import IdentifierType, Keyring, TokenKind
from core.errors import InvalidRequest, TokenExpired, TokenInvalid
from core.ids import uuid7

AT = datetime(2027, 3, 17, 15, 30, tzinfo=UTC)
KEYS = Keyring(["new-secret", "old-secret"])
HOUR = timedelta(hours=1)


def make_caller() -> Caller:
    user_id = uuid7()
    return Caller(f"user:{user_id}", user_key=7, user_id=user_id, customer_key=9, customer_id="c9", is_superuser=True)


def signed(caller: Caller, keyring: Keyring = KEYS, kind: TokenKind = TokenKind.ACCESS) -> str:
    return rules.encode_token(kind=kind, caller=caller, keyring=keyring, at=AT, lifetime=HOUR)


def test_a_token_contains_its_caller():
    caller = make_caller()

    claims = rules.decode_token(signed(caller), kind=TokenKind.ACCESS, keyring=KEYS, at=AT)

    assert claims.caller == caller
    assert claims.expires_at == AT + HOUR


def test_a_token_expires_at_the_second_of_its_expiry():
    token = signed(make_caller())

    rules.decode_token(token, kind=TokenKind.ACCESS, keyring=KEYS, at=AT + HOUR - timedelta(seconds=1))

    with pytest.raises(TokenExpired):
        rules.decode_token(token, kind=TokenKind.ACCESS, keyring=KEYS, at=AT + HOUR)


def test_a_cached_token_still_checks_expiry_kind_and_key():
    token = signed(make_caller())
    for _ in range(2):
        rules.decode_token(token, kind=TokenKind.ACCESS, keyring=KEYS, at=AT)

    with pytest.raises(TokenExpired):
        rules.decode_token(token, kind=TokenKind.ACCESS, keyring=KEYS, at=AT + HOUR)
    with pytest.raises(TokenInvalid):
        rules.decode_token(token, kind=TokenKind.REFRESH, keyring=KEYS, at=AT)
    with pytest.raises(TokenInvalid):
        rules.decode_token(token, kind=TokenKind.ACCESS, keyring=Keyring(["another-secret"]), at=AT)


def test_a_token_survives_the_rotation_of_its_secret():
    token = signed(make_caller(), Keyring(["old-secret"]))

    assert rules.decode_token(token, kind=TokenKind.ACCESS, keyring=KEYS, at=AT).expires_at == AT + HOUR
    with pytest.raises(TokenInvalid):
        rules.decode_token(token, kind=TokenKind.ACCESS, keyring=Keyring(["new-secret"]), at=AT)


def test_refresh_and_access_tokens_are_not_interchangeable():
    for issued, expected in [(TokenKind.REFRESH, TokenKind.ACCESS), (TokenKind.ACCESS, TokenKind.REFRESH)]:
        with pytest.raises(TokenInvalid):
            rules.decode_token(signed(make_caller(), kind=issued), kind=expected, keyring=KEYS, at=AT)


def forged(*, key: bytes | str = KEYS.key, algorithm: str = "HS256", kid: str = KEYS.kid, **changes: object) -> str:
    claims = jwt.decode(signed(make_caller()), options={"verify_signature": False}) | changes
    claims = {name: value for name, value in claims.items() if value is not ...}
    return jwt.encode(claims, key, algorithm, headers={"kid": kid})


def signed_with_longer_hash() -> str:
    with pytest.warns(InsecureKeyLengthWarning):  # the key has the length for HS256
        return forged(algorithm="HS512")


def test_a_token_with_the_key_and_all_claims_is_valid():
    assert rules.decode_token(forged(), kind=TokenKind.ACCESS, keyring=KEYS, at=AT).expires_at == AT + HOUR


@pytest.mark.parametrize(
    "token",
    [
        "", "a", "a.b.c", "ä", "..", "\0",
        forged(key="", algorithm="none"), forged(kid="nobody's"), signed_with_longer_hash(),
        forged(aud="elsewhere"), forged(iss="elsewhere"), forged(exp=...), forged(typ=...), forged(sub="no uuid"),
        forged(uid="x"),
        forged(exp="soon"), forged(exp=10**30),
    ],
)  # fmt: skip
def test_forged_and_malformed_tokens_are_invalid(token):
    with pytest.raises(TokenInvalid):
        rules.decode_token(token, kind=TokenKind.ACCESS, keyring=KEYS, at=AT)


def test_a_changed_character_makes_a_token_invalid():
    header, claims, signature = signed(make_caller()).split(".")
    other = ("A" if claims[5] != "A" else "B").join([claims[:5], claims[6:]])

    with pytest.raises(TokenInvalid):
        rules.decode_token(f"{header}.{other}.{signature}", kind=TokenKind.ACCESS, keyring=KEYS, at=AT)


def test_a_password_digest_changes_with_the_password_and_survives_rotation():
    digest = rules.password_digest("argon2$one", Keyring(["old-secret"]))

    assert rules.is_password_unchanged("argon2$one", digest, ["new-secret", "old-secret"])
    assert not rules.is_password_unchanged("argon2$two", digest, ["new-secret", "old-secret"])
    assert not rules.is_password_unchanged("argon2$one", "", ["new-secret"])


@pytest.mark.parametrize(
    ("account", "kind", "name"),
    [
        (" Ann@Example.com ", IdentifierType.EMAIL, "ann@example.com"),
        ("+34 600 000 000", IdentifierType.PHONE, "+34600000000"),
        ("0034 600-000-000", IdentifierType.PHONE, "+34600000000"),
        ("12345", IdentifierType.PHONE, "12345"),
        ("Ann.Smith", IdentifierType.USERNAME, "ann.smith"),
        ("ann2", IdentifierType.USERNAME, "ann2"),
        ("@", IdentifierType.EMAIL, "@"),
        ("", IdentifierType.USERNAME, ""),
    ],
)
def test_an_account_identifier_has_one_type_and_normal_form(account, kind, name):
    assert rules.parse_identifier(account) == (kind, name)


@pytest.mark.parametrize("text", ["600000000", "+1", "abc", "+34 600 000 000 ext. 5", "", "+999999999999999"])
def test_a_phone_number_needs_a_country_code(text):
    with pytest.raises(InvalidRequest) as raised:
        rules.phone_number(text)

    assert [error["field"] for error in raised.value.errors or []] == ["phone"]


@pytest.mark.parametrize(
    "text",
    ["", "pk", "pk0000000001", "pk0000000001.", ".secret", "pk00000000011.s", "pkü000000001.s", "pk0000000001.\n"],
)
def test_a_malformed_api_key_is_an_invalid_token(text):
    with pytest.raises(TokenInvalid):
        rules.key_prefix(text)
