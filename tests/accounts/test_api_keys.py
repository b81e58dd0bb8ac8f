"""API keys: their scopes, addresses and expiry, how they are rolled, and who learns of them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import rules, services
from accounts.contracts import BRAND_SCOPES, Role, Scope
from accounts.errors import KeyNotRollable
from accounts.models import ApiKey
from core.errors import InvalidRequest, TokenExpired, TokenInvalid
from core.models import OutboxMessage
from tests.factories import ApiKeyFactory, BrandFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
SELF = "/api/v1/keys/self/"
ClientOf = Callable[[Any], Client]


def keys_path(member: Any, rest: str = "") -> str:
    return f"/api/v1/brands/{member.brand.slug}/api-keys/{rest}"


def server(text: str) -> Client:
    return Client(headers={"Authorization": f"Api-Key {text}"})


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


# --- API -------------------------------------------------------------------------------------------------------------
def test_an_api_key_is_shown_once_and_works_until_it_is_revoked(shopper_client: ClientOf) -> None:
    owner = MembershipFactory()
    client = shopper_client(owner.user)

    created = post(client, keys_path(owner), name="shop")

    assert (created.status_code, created.headers["Cache-Control"]) == (201, "no-store")
    key = created.json()
    assert set(key) == {"id", "name", "prefix", "key", "scopes", "addresses", "created_at", "expires_at"}
    assert key["key"].startswith(f"{key['prefix']}_")
    assert key["prefix"].startswith("promo_live_")
    listed = client.get(keys_path(owner))
    assert key["key"] not in listed.text
    assert listed.json()["results"][0] == {
        "id": key["id"], "name": "shop", "prefix": key["prefix"], "created_at": key["created_at"], "last_used_at": None,
        "revoked_at": None, "expires_at": None, "brand": owner.brand.slug, "scopes": list(BRAND_SCOPES),
        "addresses": [], "created_by": owner.user.username, "replaces": None,
    }  # fmt: skip
    assert server(key["key"]).get(SELF).json()["id"] == key["id"]
    for _ in range(2):
        assert client.delete(keys_path(owner, f"{key['id']}/")).status_code == 204
    refused = server(key["key"]).get(SELF)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
    assert refused.json()["detail"] == "This API key was revoked."


def test_a_key_has_the_chosen_rights(shopper_client: ClientOf) -> None:
    owner = MembershipFactory()
    rights = {"scopes": ["export", "read"], "expires_at": "2999-01-01T00:00:00Z", "addresses": ["127.0.0.0/8", "::1"]}

    key = post(shopper_client(owner.user), keys_path(owner), name="shop", **rights).json()

    described = server(key["key"]).get(SELF).json()
    assert (described["scopes"], described["addresses"]) == (["read", "export"], ["127.0.0.0/8", "::1/128"])
    assert (described["brand"], described["expires_at"]) == (owner.brand.slug, "2999-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("rights", "field"),
    [
        ({"scopes": []}, "scopes"), ({"scopes": ["internal"]}, "scopes.0"), ({"scopes": "read"}, "scopes"),
        ({"addresses": ["here"]}, "addresses"), ({"addresses": ["10.0.0.1/8"]}, "addresses"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"), ({"internal_brands": []}, "internal_brands"),
    ],
)  # fmt: skip
def test_rights_that_do_not_exist_are_rejected(rights: dict[str, Any], field: str, shopper_client: ClientOf) -> None:
    owner = MembershipFactory()

    response = post(shopper_client(owner.user), keys_path(owner), name="shop", **rights)

    assert (response.status_code, [error["field"] for error in response.json()["errors"]]) == (400, [field])
    assert not ApiKey.objects.exists()


def test_a_user_has_no_own_key(shopper_client: ClientOf) -> None:
    assert shopper_client(UserFactory()).get(SELF).status_code == 403


# --- addresses and expiry --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("networks", "address", "allowed"),
    [
        ([], "203.0.113.7", True), (["203.0.113.0/24"], "203.0.113.7", True),
        (["203.0.113.0/24"], "203.0.114.7", False),
        (["203.0.113.7/32"], "::ffff:203.0.113.7", True), (["2001:db8::/32"], "2001:db8::1", True),
        (["2001:db8::/32"], "203.0.113.7", False), (["203.0.113.0/24"], "", False), (["203.0.113.0/24"], "unix", False),
    ],
)  # fmt: skip
def test_a_key_works_from_its_addresses_only(networks: list[str], address: str, allowed: bool, at: datetime) -> None:
    key = ApiKeyFactory(addresses=networks)

    if allowed:
        services.authenticate_api_key(text=key.text, address=address, at=at)
    else:
        with pytest.raises(TokenInvalid, match="can't be used from"):
            services.authenticate_api_key(text=key.text, address=address, at=at)
        with pytest.raises(TokenInvalid, match="Invalid token"):  # says nothing to somebody without the secret
            services.authenticate_api_key(text=f"{key.prefix}.guess", address=address, at=at)


def test_the_address_is_that_of_the_client(settings: Any) -> None:
    key = ApiKeyFactory(addresses=["203.0.113.7/32"])

    assert server(key.text).get(SELF).status_code == 401
    assert server(key.text).get(SELF, headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 401
    settings.TRUSTED_PROXIES = 1
    assert server(key.text).get(SELF, headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 200


def test_a_key_expires(at: datetime) -> None:
    key = ApiKeyFactory(expires_at=at)

    services.authenticate_api_key(text=key.text, address="", at=at - timedelta(microseconds=1))
    with pytest.raises(TokenExpired, match="API key has expired"):
        services.authenticate_api_key(text=key.text, address="", at=at)


def test_keys_of_a_brand_and_the_platform_have_scopes_of_their_own(at: datetime) -> None:
    brand = BrandFactory()
    for owner, scopes in [
        (brand, []), (brand, [Scope.INTERNAL]), (None, []), (None, [Scope.READ]),
        (None, [Scope.CHECKOUT, Scope.INTERNAL]),
    ]:  # fmt: skip
        with pytest.raises(InvalidRequest):
            services.issue_key(brand=owner, name="key", scopes=scopes, at=at)
    assert not ApiKey.objects.exists()


# --- rolling ---------------------------------------------------------------------------------------------------------
def test_a_rolled_key_and_its_successor_work_during_the_overlap(at: datetime) -> None:
    brand, user = BrandFactory(), UserFactory()
    old = services.issue_key(
        brand=brand, name="shop", scopes=[Scope.READ], addresses=["10.0.0.0/8"], expires_at=at + timedelta(90), at=at
    )
    rolled_at = at + timedelta(days=10)

    new = services.roll_key(
        key=ApiKey.objects.get(pk=old.id), overlap=timedelta(hours=2), created_by=user, at=rolled_at
    )

    row = ApiKey.objects.get(pk=new.id)
    assert (row.brand, row.scopes, row.addresses, row.name) == (brand, ["read"], ["10.0.0.0/8"], "shop")
    assert (row.expires_at, row.replaces_id, row.created_by) == (rolled_at + timedelta(days=90), old.id, user)
    for key, seconds in [(old, -1), (new, -1), (new, 0)]:
        within = rolled_at + timedelta(hours=2, seconds=seconds)
        services.authenticate_api_key(text=key.text, address="10.1.1.1", at=within)
    with pytest.raises(TokenExpired):
        services.authenticate_api_key(text=old.text, address="10.1.1.1", at=rolled_at + timedelta(hours=2))


def test_a_key_that_no_longer_works_cannot_be_rolled(at: datetime) -> None:
    rolled = ApiKeyFactory()
    services.roll_key(key=rolled, overlap=timedelta(hours=1), created_by=None, at=at)

    for key in (rolled, ApiKeyFactory(revoked_at=at), ApiKeyFactory(expires_at=at)):
        with pytest.raises(KeyNotRollable):
            services.roll_key(key=key, overlap=timedelta(hours=1), created_by=None, at=at)
    assert ApiKey.objects.exclude(replaces=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_rolls_of_a_key_create_one(run_concurrently: Any) -> None:
    key, at = ApiKeyFactory(), timezone.now()

    results = run_concurrently(
        lambda _: services.roll_key(key=key, overlap=timedelta(hours=1), created_by=None, at=at), range(4)
    )

    assert sorted(type(result).__name__ for result in results) == ["KeyNotRollable"] * 3 + ["NewApiKey"]
    assert ApiKey.objects.count() == 2


def test_owners_roll_keys_by_the_api(shopper_client: ClientOf) -> None:
    owner = MembershipFactory()
    key, client = ApiKeyFactory(brand=owner.brand), shopper_client(owner.user)
    path = keys_path(owner, f"{key.pk}/roll/")

    assert post(client, path, overlap_hours=721).status_code == 400
    rolled = post(client, path, overlap_hours=0)
    again = post(client, path)

    assert (rolled.status_code, rolled.headers["Cache-Control"]) == (201, "no-store")
    assert server(rolled.json()["key"]).get(SELF).json()["replaces"] == str(key.pk)
    assert server(key.text).get(SELF).json()["code"] == "token_expired"
    assert (again.status_code, again.json()["code"]) == (409, "key_not_rollable")
    assert post(client, keys_path(owner, f"{ApiKeyFactory().pk}/roll/")).status_code == 404


# --- emails ----------------------------------------------------------------------------------------------------------
def test_the_owners_learn_of_a_new_key(at: datetime, run_outbox: Callable[[], int]) -> None:
    owner = MembershipFactory(user=UserFactory(username="ann", email="ann@example.com"))
    MembershipFactory(brand=owner.brand, role=Role.EDITOR, user=UserFactory(email="editor@example.com"))
    MembershipFactory(brand=owner.brand, user=UserFactory(email="gone@example.com", is_active=False))
    UserFactory(is_superuser=True, email="root@example.com")

    key = services.issue_key(brand=owner.brand, name="web shop", scopes=[Scope.READ], created_by=owner.user, at=at)
    services.issue_key(brand=None, name="crm", scopes=[Scope.INTERNAL], at=at)
    run_outbox()

    first, second = mail.outbox
    assert (first.to, second.to) == (["ann@example.com"], ["root@example.com"])
    assert "ann created the API key web shop" in " ".join(first.body.split())
    assert "Scopes: Read" in first.body
    assert key.prefix in first.body
    assert key.text not in first.body
    assert "on the command line" in " ".join(second.body.split())


def test_the_owners_review_the_keys_of_a_former_member(at: datetime, run_outbox: Callable[[], int]) -> None:
    owner = MembershipFactory(user=UserFactory(email="ann@example.com"))
    leaver = MembershipFactory(brand=owner.brand, role=Role.OWNER, user=UserFactory(username="leaver"))
    kept = ApiKeyFactory(brand=owner.brand, created_by=leaver.user, name="kept")
    ApiKeyFactory(brand=owner.brand, created_by=leaver.user, name="revoked", revoked_at=at)
    ApiKeyFactory(created_by=leaver.user, name="foreign")

    services.remove_member(brand=owner.brand, user_id=leaver.user.uuid)
    run_outbox()

    (message,) = mail.outbox
    assert message.to == ["ann@example.com"]
    assert f"kept ({kept.prefix}…)" in " ".join(message.body.split())
    assert "leaver" in message.body
    assert not {"revoked", "foreign"} & set(message.body.split())
    assert not OutboxMessage.objects.exists()


# --- texts -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [f"promo_live_{'a' * 12}_{'b' * 43}", f"promo_test_{'a' * 12}_{'b' * 43}", f"pk{'a' * 10}.secret"],
)
def test_keys_of_every_form_have_a_prefix(text: str) -> None:
    assert text.startswith(rules.key_prefix(text))
