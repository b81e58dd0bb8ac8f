"""Shoppers with tokens of a brand's own login: which tokens are accepted, and how often keys are fetched."""

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from django.utils import timezone

from accounts import rules, services
from accounts.adapters.shopper_tokens import verified_tokens
from accounts.models import Brand, Customer, CustomerMerge, ShopperIssuer
from core import outbound, signing_keys
from core.errors import TokenInvalid
from tests.factories import BrandFactory, CampaignFactory, DiscountCodeFactory, MembershipFactory, UserFactory
from tests.fakes.identity_provider import KEYS, SigningKey
from tests.shopper_logins import RSA_KEY, Shop, open_shop

pytestmark = pytest.mark.django_db
VOUCHERS, ADMIN = "/api/v1/vouchers/", "/admin/accounts/shopperissuer/"
EC_KEY = SigningKey("ec", "ES256")
OTHER_RSA_KEY = SigningKey("first")


@pytest.fixture
def shop(settings: Any) -> Iterator[Shop]:
    """The shop of Billo."""
    with open_shop(BrandFactory(slug="billo"), settings) as shop:
        yield shop


def call(token: str, path: str = VOUCHERS) -> Any:
    return Client(headers={"Authorization": f"Bearer {token}"}).get(path)


def code_of(token: str) -> str:
    """Return the code of the error that a token gets, or "ok"."""
    response = call(token)
    assert response.status_code in {200, 401, 503}
    return "ok" if response.status_code == 200 else str(response.json()["code"])


# --- who --------------------------------------------------------------------------------------------------------------
def test_a_shopper_of_the_brands_login_redeems_and_claims_as_a_customer_of_the_brand(shop: Shop) -> None:
    DiscountCodeFactory(text="TEN", brand=shop.brand)
    campaign = CampaignFactory(brand=shop.brand)
    client = Client(headers={"Authorization": f"Bearer {shop.sign()}"})

    redeemed = client.post("/api/v1/discountcodeusage/", {"discount_code": "ten"}, content_type="application/json")
    again = client.post("/api/v1/discountcodeusage/", {"discount_code": "ten"}, content_type="application/json")
    claimed = client.post(f"/api/v1/campaigns/{campaign.slug}/first-login/")
    listed = client.get(VOUCHERS)

    assert (redeemed.status_code, redeemed.json()["user"]) == (201, None)
    assert (again.status_code, again.json()["code"]) == (409, "code_already_used")
    assert (claimed.status_code, claimed.json()["rank"]) == (201, 1)
    assert [voucher["id"] for voucher in listed.json()["results"]] == [claimed.json()["voucher"]["id"]]
    assert Customer.objects.get().customer_id == "billo:42"


def test_a_customer_that_the_brand_merged_into_another_is_the_other_one(shop: Shop) -> None:
    assert code_of(shop.sign()) == "ok"
    known = Customer.objects.create(customer_id="old-42")
    named = Customer.objects.get(customer_id="billo:42")
    CustomerMerge.objects.create(brand=shop.brand, source=named, target=known, merged_at=timezone.now())
    campaign = CampaignFactory(brand=shop.brand)
    verified_tokens.clear()

    Client(headers={"Authorization": f"Bearer {shop.sign()}"}).post(f"/api/v1/campaigns/{campaign.slug}/first-login/")

    assert [login.customer_id for login in campaign.first_logins.all()] == [known.pk]


@pytest.mark.parametrize("path", ["/api/v1/me/", "/api/v1/me/export/"])
def test_what_needs_a_user_is_closed(shop: Shop, path: str) -> None:
    response = call(shop.sign(), path)

    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")


def test_names_of_shoppers_never_mean_the_same_customer() -> None:
    names = ["42", "Ann", "ann", "ANN", "a" * 42, "a" * 43, "~x", "x ", " x", "x", "a  b", "a b", "straße", 7]
    ids = [rules.customer_id_of_issuer(slug="billo", name=name) for name in names]

    assert len(set(ids)) == len(names)
    assert ids[0] == "billo:42"
    assert all(len(one) <= 100 and one.startswith("billo:") for one in ids)
    digest = ids[1].removeprefix("billo:")
    assert rules.customer_id_of_issuer(slug="billo", name=digest) not in ids


@pytest.mark.parametrize("name", ["", None, True, ["42"], {"a": 1}, "a\nb", "a\0", "x" * 1001, 4.5])
def test_what_names_nobody_is_refused(name: object) -> None:
    with pytest.raises(TokenInvalid):
        rules.customer_id_of_issuer(slug="billo", name=name)


def test_another_claim_can_name_the_customer(shop: Shop) -> None:
    shop.change(customer_claim="https://shop.example/customer")

    assert code_of(shop.sign()) == "token_invalid"
    assert code_of(shop.sign(**{"https://shop.example/customer": 7})) == "ok"
    assert Customer.objects.get().customer_id == "billo:7"


# --- which tokens -----------------------------------------------------------------------------------------------------
def _now(seconds: float) -> int:
    return int(timezone.now().timestamp() + seconds)


TIMES = {
    "expired": (lambda: {"iat": _now(-700), "exp": _now(-61)}, "token_expired"),
    "expired within the leeway": (lambda: {"iat": _now(-700), "exp": _now(-50)}, "ok"),
    "not valid yet": (lambda: {"nbf": _now(70)}, "token_invalid"),
    "valid within the leeway": (lambda: {"nbf": _now(50)}, "ok"),
    "issued in the future": (lambda: {"iat": _now(70)}, "token_invalid"),
    "lives too long": (lambda: {"exp": _now(3700)}, "token_invalid"),
    "no exp": (lambda: {"exp": None}, "token_invalid"),
    "no iat": (lambda: {"iat": None}, "token_invalid"),
    "no sub": (lambda: {"sub": None}, "token_invalid"),
    "no iss": (lambda: {"iss": None}, "token_invalid"),
    "no aud": (lambda: {"aud": None}, "token_invalid"),
    "exp is a text": (lambda: {"exp": "soon"}, "token_invalid"),
    "exp is not finite": (lambda: {"exp": 1e300}, "token_invalid"),
    "nbf is a list": (lambda: {"nbf": [1]}, "token_invalid"),
    "another audience": (lambda: {"aud": "another"}, "token_invalid"),
    "among other audiences": (lambda: {"aud": ["another", "shop"]}, "ok"),
    "audience is an object": (lambda: {"aud": {"shop": 1}}, "token_invalid"),
    "another issuer": (lambda: {"iss": "https://evil.example"}, "token_invalid"),
    "issuer with a slash": (lambda: {"iss": "http://127.0.0.1/"}, "token_invalid"),
}


@pytest.mark.parametrize(("changes", "code"), TIMES.values(), ids=TIMES.keys())
def test_claims(shop: Shop, changes: Any, code: str) -> None:
    assert code_of(shop.sign(**changes())) == code


def test_a_remembered_token_expires(shop: Shop) -> None:
    token = shop.sign()
    assert code_of(token) == "ok"

    with time_machine.travel(timezone.now() + timedelta(seconds=662), tick=False):
        assert code_of(token) == "token_expired"


def _encode(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _forge_with_public_key(shop: Shop) -> str:
    pem = RSA_KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = f"{_encode({'alg': 'HS256', 'kid': 'first', 'typ': 'JWT'})}.{_encode(shop.claims())}"
    signature = jwt.get_algorithm_by_name("HS256").sign(head.encode(), pem)
    return f"{head}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


FORGERIES = {
    "HS256 with the public key": _forge_with_public_key,
    "no algorithm": lambda shop: f"{_encode({'alg': 'none', 'kid': 'first'})}.{_encode(shop.claims())}.",
    "another key of the same ID": lambda shop: OTHER_RSA_KEY.sign(shop.claims()),
    "a key of the header": lambda shop: jwt.encode(
        shop.claims(), OTHER_RSA_KEY.private, "RS256", headers={"kid": "x", "jwk": OTHER_RSA_KEY.public}
    ),
    "another algorithm of the key": lambda shop: jwt.encode(
        shop.claims(), RSA_KEY.private, "PS256", headers={"kid": "first"}
    ),
    "a changed claim": lambda shop: shop.sign().replace(
        shop.sign().split(".")[1], _encode(shop.claims(sub="43"))
    ),
    "nonsense": lambda shop: "a.b.c",
    "an issuer that is a list": lambda shop: f"{_encode({'alg': 'RS256'})}.{_encode(shop.claims(iss=['x']))}.x",
    "too long": lambda shop: shop.sign(filler="x" * 9000),
    "deep": lambda shop: f"{_encode({'alg': 'RS256'})}.{base64.urlsafe_b64encode(b'[' * 3000).decode()}.x",
}  # fmt: skip


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_forged_tokens(shop: Shop, forge: Any) -> None:
    assert code_of(forge(shop)) == "token_invalid"
    assert not Customer.objects.exists()


def test_keys_of_every_algorithm_and_rotation(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    old = shop.sign()
    assert code_of(old) == "ok"
    monkeypatch.setattr(outbound, "RETRY_SECONDS", 0)

    shop.login.signer, shop.login.published = EC_KEY, [EC_KEY]
    assert code_of(shop.sign()) == "ok"
    verified_tokens.clear()
    assert code_of(old) == "token_invalid"
    assert shop.login.count(KEYS) == 3


@pytest.mark.parametrize(
    "private", [RSA_KEY.private, EC_KEY.private, ed25519.Ed25519PrivateKey.generate()], ids=["RS256", "ES256", "EdDSA"]
)
def test_a_single_public_key(shop: Shop, private: Any) -> None:
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    shop.change(jwks_url="", public_key=pem)
    name = signing_keys.parse_public_key(pem).algorithm_name

    assert code_of(jwt.encode(shop.claims(), private, name)) == "ok"
    assert code_of(OTHER_RSA_KEY.sign(shop.claims())) == "token_invalid"
    assert shop.login.count(KEYS) == 0


def test_changes_of_the_login_work_at_once_also_for_remembered_tokens(shop: Shop) -> None:
    token = shop.sign()
    assert code_of(token) == "ok"

    for fields in ({"is_active": False}, {"audience": "another"}, {"max_lifetime_minutes": 5}):
        before = ShopperIssuer.objects.filter(pk=shop.row.pk).values(*fields)[0]
        shop.change(**fields)
        assert code_of(token) == "token_invalid", fields
        shop.change(**before)
    Brand.objects.update(is_active=False)
    assert code_of(token) == "token_invalid"
    Brand.objects.update(is_active=True)
    assert code_of(token) == "ok"
    services.end_shopper_tokens(issuer=shop.row, at=timezone.now() + timedelta(seconds=1))
    assert code_of(token) == "token_invalid"
    later = timezone.now() + timedelta(seconds=3)
    with time_machine.travel(later, tick=False):
        assert code_of(shop.sign()) == "ok"


# --- fetches ----------------------------------------------------------------------------------------------------------
def test_unknown_key_ids_fetch_the_keys_once(shop: Shop) -> None:
    assert code_of(shop.sign()) == "ok"
    tokens = [
        jwt.encode(shop.claims(), OTHER_RSA_KEY.private, "RS256", headers={"kid": f"garbage-{number}"})
        for number in range(30)
    ]
    signing_keys.key_sets._tried_at.clear()  # as if the keys had been fetched a while ago

    assert {code_of(token) for token in tokens} == {"token_invalid"}
    assert shop.login.count(KEYS) == 2
    assert code_of(shop.sign()) == "ok"


def test_many_threads_fetch_the_keys_once(shop: Shop) -> None:
    barrier = threading.Barrier(8)
    url = shop.login.issuer + KEYS
    signing_keys.find_key_bounded(url=url, kid="first")
    signing_keys.key_sets._tried_at.clear()

    def find(number: int) -> str:
        barrier.wait()
        try:
            return str(signing_keys.find_key_bounded(url=url, kid=f"unknown-{number}"))
        except signing_keys.TokenUnverified as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(find, range(8)))

    assert answers == {"unknown key"}
    assert shop.login.count(KEYS) == 2


def test_threads_that_need_the_same_keys_first_wait_for_them(shop: Shop) -> None:
    url, barrier = shop.login.issuer + KEYS, threading.Barrier(8)

    def find(_number: int) -> str:
        barrier.wait()
        return str(signing_keys.find_key_bounded(url=url, kid="first").key_id)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(find, range(8)))

    assert found == ["first"] * 8
    assert shop.login.count(KEYS) == 1


def test_keys_that_cannot_be_fetched(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.login.answers[KEYS] = 500
    assert [code_of(shop.sign(jti=str(number))) for number in range(5)] == ["unavailable"] * 5
    assert shop.login.count(KEYS) == 1

    del shop.login.answers[KEYS]
    signing_keys.key_sets.clear()
    assert code_of(shop.sign()) == "ok"
    shop.login.answers[KEYS] = 500
    monkeypatch.setattr(outbound, "DOCUMENT_SECONDS", 0)
    monkeypatch.setattr(outbound, "RETRY_SECONDS", 0)
    verified_tokens.clear()
    assert code_of(shop.sign()) == "ok"  # with the keys of before
    monkeypatch.setattr(outbound, "STALE_SECONDS", 0)
    verified_tokens.clear()
    assert code_of(shop.sign()) == "unavailable"


def test_addresses_in_private_networks_are_not_fetched(shop: Shop, settings: Any) -> None:
    settings.OUTBOUND_PRIVATE_NETWORKS = False

    assert code_of(shop.sign()) == "unavailable"
    assert shop.login.count(KEYS) == 0


def test_symmetric_and_encryption_keys_of_a_set_are_not_used(shop: Shop) -> None:
    secret = base64.urlsafe_b64encode(b"x" * 32).rstrip(b"=").decode()
    shop.login.answers[KEYS] = {
        "keys": [{"kty": "oct", "k": secret, "kid": "first"}, RSA_KEY.public | {"kid": "enc", "use": "enc"}]
    }

    assert code_of(jwt.encode(shop.claims(), b"x" * 32, "HS256", headers={"kid": "first"})) == "token_invalid"
    assert code_of(jwt.encode(shop.claims(), RSA_KEY.private, "RS256", headers={"kid": "enc"})) == "token_invalid"


def test_remembered_tokens_are_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.adapters.shopper_tokens.REMEMBERED_TOKENS", 3)

    for number in range(6):
        assert code_of(shop.sign(jti=str(number))) == "ok"

    assert len(verified_tokens._entries) == 3


# --- settings ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def owner(shop: Shop) -> Client:
    """The browser of an owner of Billo."""
    client = Client()
    client.force_login(MembershipFactory(brand=shop.brand, user=UserFactory(username="olga")).user)
    return client


def form(shop: Shop, **changes: Any) -> dict[str, Any]:
    return {
        "issuer": shop.login.issuer, "audience": "shop", "jwks_url": shop.login.issuer + KEYS, "public_key": "",
        "customer_claim": "sub", "max_lifetime_minutes": "30", "is_active": "on", "sample_token": "",
    } | changes  # fmt: skip


def test_an_owner_changes_the_login_and_tries_a_token(shop: Shop, owner: Client) -> None:
    page = f"{ADMIN}{shop.row.pk}/change/"

    saved: Any = owner.post(page, form(shop, sample_token=shop.sign(sub="77")), follow=True)

    assert "The token is one of customer billo:77." in saved.text
    assert "Keys: first (RS256)." in saved.text
    shop.row.refresh_from_db()
    assert shop.row.max_lifetime_minutes == 30
    assert shop.row.events.filter(pgh_label="update").count() == 1  # type: ignore[attr-defined]
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("jwks_url", "http://127.0.0.1:9/keys"), ("jwks_url", "https://nowhere.invalid/keys"), ("jwks_url", ""),
        ("public_key", "nonsense"), ("customer_claim", "a b"), ("max_lifetime_minutes", "0"),
        ("max_lifetime_minutes", "1441"), ("sample_token", "a.b.c"), ("issuer", ""), ("audience", ""),
    ],
)  # fmt: skip
def test_mistakes_show_at_the_field(shop: Shop, owner: Client, field: str, value: str) -> None:
    response = owner.post(f"{ADMIN}{shop.row.pk}/change/", form(shop, **{field: value}))

    assert response.status_code == 200
    errors = response.context["adminform"].form.errors
    assert errors
    assert set(errors) <= {field, "__all__"}
    shop.row.refresh_from_db()
    assert shop.row.max_lifetime_minutes == 60


@pytest.mark.parametrize("bits", [1024])
def test_short_keys_are_refused(shop: Shop, owner: Client, bits: int) -> None:
    key = rsa.generate_private_key(65537, bits).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    response = owner.post(f"{ADMIN}{shop.row.pk}/change/", form(shop, jwks_url="", public_key=pem))

    assert response.context["adminform"].form.errors.keys() == {"public_key"}


def test_an_owner_ends_all_tokens(shop: Shop, owner: Client) -> None:
    token = shop.sign(iat=_now(-10))
    assert code_of(token) == "ok"

    owner.post(ADMIN, {"action": "end_tokens", "_selected_action": [shop.row.pk]})

    assert code_of(token) == "token_invalid"


def test_other_brands_and_editors_do_not_see_the_login(shop: Shop) -> None:
    stranger, editor = Client(), Client()
    stranger.force_login(MembershipFactory().user)
    editor.force_login(MembershipFactory(brand=shop.brand, role="editor").user)

    assert shop.login.issuer not in stranger.get(ADMIN).text
    assert editor.get(f"{ADMIN}{shop.row.pk}/change/").status_code == 403


def test_an_issuer_and_audience_belong_to_one_brand(shop: Shop) -> None:
    client = Client()
    brand = BrandFactory()
    client.force_login(MembershipFactory(brand=brand).user)

    response = client.post(f"{ADMIN}add/", form(shop, brand=brand.pk))

    assert "in use already" in response.text
    assert ShopperIssuer.objects.count() == 1


def test_a_brand_whose_customer_ids_could_be_anothers_has_no_login(shop: Shop) -> None:
    twin = BrandFactory(slug="Billo")
    client = Client()
    client.force_login(MembershipFactory(brand=twin).user)

    response: Any = client.post(f"{ADMIN}add/", form(shop, brand=twin.pk, audience="two"), follow=True)

    assert "differs in the case of letters only" in response.text
    assert ShopperIssuer.objects.count() == 1
