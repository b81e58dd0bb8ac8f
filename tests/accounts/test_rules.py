from datetime import UTC, datetime, timedelta

import jwt
import pytest

from accounts import rules
from accounts.contracts import Caller
from accounts.rules import IdentifierType, Keyring, TokenKind
from core.errors import InvalidRequest, TokenExpired, TokenInvalid
from core.ids import uuid7

AT = datetime(2027, 3, 17, 15, 30, tzinfo=UTC)
KEYS = Keyring(["new-secret", "old-secret"])
HOUR = timedelta(hours=1)


def a_caller() -> Caller:
    user_id = uuid7()
    return Caller(f"user:{user_id}", user_key=7, user_id=user_id, customer_key=9, customer_id="c9", is_superuser=True)


def signed(caller: Caller, keyring: Keyring = KEYS, kind: TokenKind = TokenKind.ACCESS) -> str:
    return rules.encode_token(kind=kind, caller=caller, keyring=keyring, at=AT, lifetime=HOUR)


def test_a_token_says_who_was_signed_in():
    caller = a_caller()

    claims = rules.decode_token(signed(caller), kind=TokenKind.ACCESS, keyring=KEYS, at=AT)

    assert claims.caller == caller
    assert claims.expires_at == AT + HOUR


def test_a_token_is_good_until_the_second_of_its_end():
    token = signed(a_caller())

    rules.decode_token(token, kind=TokenKind.ACCESS, keyring=KEYS, at=AT + HOUR - timedelta(seconds=1))

    with pytest.raises(TokenExpired):
        rules.decode_token(token, kind=TokenKind.ACCESS, keyring=KEYS, at=AT + HOUR)


def test_a_token_that_was_read_before_ends_as_others_do_and_with_its_key():
    token = signed(a_caller())
    for _ in range(2):
        rules.decode_token(token, kind=TokenKind.ACCESS, keyring=KEYS, at=AT)

    with pytest.raises(TokenExpired):
        rules.decode_token(token, kind=TokenKind.ACCESS, keyring=KEYS, at=AT + HOUR)
    with pytest.raises(TokenInvalid):
        rules.decode_token(token, kind=TokenKind.REFRESH, keyring=KEYS, at=AT)
    with pytest.raises(TokenInvalid):
        rules.decode_token(token, kind=TokenKind.ACCESS, keyring=Keyring(["another-secret"]), at=AT)


def test_a_token_outlives_the_rotation_of_its_secret():
    token = signed(a_caller(), Keyring(["old-secret"]))

    assert rules.decode_token(token, kind=TokenKind.ACCESS, keyring=KEYS, at=AT).expires_at == AT + HOUR
    with pytest.raises(TokenInvalid):
        rules.decode_token(token, kind=TokenKind.ACCESS, keyring=Keyring(["new-secret"]), at=AT)


def test_a_refresh_token_is_no_access_token_and_the_other_way_round():
    for made, asked in [(TokenKind.REFRESH, TokenKind.ACCESS), (TokenKind.ACCESS, TokenKind.REFRESH)]:
        with pytest.raises(TokenInvalid):
            rules.decode_token(signed(a_caller(), kind=made), kind=asked, keyring=KEYS, at=AT)


def forged(**changes: object) -> str:
    claims = jwt.decode(signed(a_caller()), options={"verify_signature": False}) | changes
    return jwt.encode(
        {name: value for name, value in claims.items() if value is not ...},
        KEYS.key,
        "HS256",
        headers={"kid": KEYS.kid},
    )


@pytest.mark.parametrize(
    "token",
    [
        "", "a", "a.b.c", "ä", "..", "\0",
        jwt.encode({"sub": "x"}, "", "none"),
        jwt.encode({"sub": "x"}, KEYS.key, "HS256"),
        jwt.encode({"sub": "x"}, KEYS.key, "HS256", headers={"kid": "nobody's"}),
        jwt.encode({"sub": "x"}, KEYS.key, "HS512", headers={"kid": KEYS.kid}),
        forged(aud="elsewhere"), forged(iss="elsewhere"), forged(exp=...), forged(typ=...), forged(sub="no uuid"),
        forged(uid="x"),
        forged(exp="soon"), forged(exp=10**30),
    ],
)  # fmt: skip
def test_what_the_platform_did_not_sign_is_invalid(token):
    with pytest.raises(TokenInvalid):
        rules.decode_token(token, kind=TokenKind.ACCESS, keyring=KEYS, at=AT)


def test_a_changed_character_makes_a_token_invalid():
    header, claims, signature = signed(a_caller()).split(".")
    other = ("A" if claims[5] != "A" else "B").join([claims[:5], claims[6:]])

    with pytest.raises(TokenInvalid):
        rules.decode_token(f"{header}.{other}.{signature}", kind=TokenKind.ACCESS, keyring=KEYS, at=AT)


def test_the_digest_of_a_password_changes_with_it_and_survives_rotation():
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
def test_an_account_name_is_looked_up_in_one_way(account, kind, name):
    assert rules.parse_identifier(account) == (kind, name)


@pytest.mark.parametrize("text", ["600000000", "+1", "abc", "+34 600 000 000 ext. 5", "", "+999999999999999"])
def test_a_phone_number_names_its_country(text):
    with pytest.raises(InvalidRequest) as refused:
        rules.phone_number(text)

    assert [fault["field"] for fault in refused.value.errors or []] == ["phone"]


@pytest.mark.parametrize(
    "text",
    ["", "pk", "pk0000000001", "pk0000000001.", ".secret", "pk00000000011.s", "pkü000000001.s", "pk0000000001.\n"],
)
def test_what_is_no_key_is_an_invalid_token(text):
    with pytest.raises(TokenInvalid):
        rules.key_prefix(text)
