"""Sign-in by the identity provider of a brand: who can, with which roles, and what it can't do."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts import selectors, services
from accounts.adapters import identity_providers
from accounts.contracts import Method, Role, SignOn
from accounts.models import AccessEvent, Brand, IdentityProvider, Invitation, Membership, StaffIdentity, User
from core import signing_keys
from tests.factories import PASSWORD, BrandFactory, MembershipFactory, ShopperFactory, UserFactory
from tests.fakes.identity_provider import DISCOVERY, KEYS, TOKEN, USERINFO, FakeProvider, SigningKey
from tests.second_factors import add_app

pytestmark = pytest.mark.django_db
ADMIN = "/admin/promotions/promotion/"
DENIED = "names nobody who can sign in this way"
FAILED = "confirm who you are"


@dataclass
class Sso:
    """A brand, its provider, and a way to sign in by it."""

    brand: Brand
    fake: FakeProvider
    settings: Any

    def start(self, client: Client, *, page: str = "start", next_url: str = ADMIN) -> str:
        """Return the address of the provider to which the platform sends a browser."""
        response: Any = client.get(f"/accounts/sso/{self.brand.pk}/{page}/", {"next": next_url})
        assert response.status_code == 302, response.text
        return str(response.url)

    def finish(self, client: Client, address: str) -> Any:
        """Let the person sign in at the provider, and return the answer of the platform."""
        back = urlsplit(requests.get(address, allow_redirects=False, timeout=5).headers["Location"])
        return client.get(f"{back.path}?{back.query}")

    def sign_in(self, client: Client | None = None, **person: Any) -> tuple[Client, Any]:
        """Sign in as a person of the provider, and return the browser and the last answer."""
        client = client or Client()
        self.fake.person |= person
        return client, self.finish(client, self.start(client))


def create_provider(brand: Brand, fake: FakeProvider, *domains: str) -> IdentityProvider:
    provider = IdentityProvider(
        brand=brand, issuer=fake.issuer, client_id=fake.client_id, domains=list(domains or ["example.com"])
    )
    return services.save_provider(provider=provider, secret=fake.client_secret)


@pytest.fixture
def sso(settings: Any) -> Iterator[Sso]:
    """The brand Billo, which allows sign-ins by its provider."""
    settings.OUTBOUND_PRIVATE_NETWORKS = True
    settings.THROTTLES = settings.THROTTLES | {"login_address": "100000/minute"}
    identity_providers.discoveries.clear()
    signing_keys.key_sets.clear()
    with FakeProvider() as fake:
        brand = BrandFactory(slug="billo", name="Billo", sso=SignOn.ALLOWED)
        create_provider(brand, fake)
        yield Sso(brand, fake, settings)


@pytest.fixture
def ann(sso: Sso) -> User:
    """An editor of Billo."""
    user = UserFactory(username="ann", email="ann@example.com", email_verified_at=timezone.now())
    return MembershipFactory(brand=sso.brand, user=user, role=Role.EDITOR).user


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


# --- who --------------------------------------------------------------------------------------------------------------
def test_a_member_of_the_staff_signs_in_and_is_known_by_the_subject_from_then_on(sso: Sso, ann: User) -> None:
    client, response = sso.sign_in(sub="s-1")

    assert (response.status_code, response.url) == (302, ADMIN)
    assert client.get(ADMIN).status_code == 200
    assert SocialAccount.objects.get().user == ann
    assert SocialAccount.objects.get().extra_data == {}
    assert AccessEvent.objects.get(pgh_label="signed_in").subject == "session fed"
    again, response = sso.sign_in(sub="s-1", email="other@elsewhere.example", email_verified=False)
    assert response.url == ADMIN
    assert again.session["_auth_user_id"] == str(ann.pk)


def test_an_invited_person_without_an_account_gets_one(sso: Sso) -> None:
    owner = MembershipFactory(brand=sso.brand).user
    invitation = services.invite(
        brand=sso.brand, email="Zoë.1@example.com", role=Role.VIEWER, invited_by=owner, at=timezone.now()
    )

    client, response = sso.sign_in(email="zoë.1@EXAMPLE.com")

    assert response.url == ADMIN
    user = User.objects.get(email__iexact="zoë.1@example.com")
    assert (user.username, user.email_verified, user.has_usable_password()) == ("zoë.1", True, False)
    assert Membership.objects.get(user=user).role == Role.VIEWER
    invitation.refresh_from_db()
    assert invitation.accepted_at is not None
    assert client.get(ADMIN).status_code == 200


def test_a_shopper_with_a_verified_address_accepts_an_invitation(sso: Sso) -> None:
    shopper = ShopperFactory(email="ann@example.com", email_verified_at=timezone.now())
    owner = MembershipFactory(brand=sso.brand).user
    services.invite(brand=sso.brand, email="ann@example.com", role=Role.EDITOR, invited_by=owner, at=timezone.now())

    _client, response = sso.sign_in()

    assert response.url == ADMIN
    assert Membership.objects.get(user=shopper).brand == sso.brand


def test_a_taken_username_gets_another_ending(sso: Sso) -> None:
    UserFactory(username="ann", email="")
    owner = MembershipFactory(brand=sso.brand).user
    services.invite(brand=sso.brand, email="ann@example.com", role=Role.EDITOR, invited_by=owner, at=timezone.now())

    sso.sign_in()

    assert User.objects.get(email="ann@example.com").username.startswith("ann-")


def _unverified_account(sso: Sso) -> None:
    user = UserFactory(email="ann@example.com")
    User.objects.filter(pk=user.pk).update(email_verified_at=None)
    owner = MembershipFactory(brand=sso.brand).user
    services.invite(brand=sso.brand, email="ann@example.com", role=Role.EDITOR, invited_by=owner, at=timezone.now())


def _old_invitation(sso: Sso) -> None:
    owner = MembershipFactory(brand=sso.brand).user
    services.invite(brand=sso.brand, email="ann@example.com", role=Role.EDITOR, invited_by=owner, at=timezone.now())
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def _staff(sso: Sso, *brands: Brand, **fields: Any) -> None:
    user = UserFactory(email="ann@example.com", email_verified_at=timezone.now(), **fields)
    for brand in brands:
        MembershipFactory(user=user, brand=brand)


STRANGERS = {
    "nobody": lambda sso: None,
    "a shopper": _staff,
    "staff of another brand": lambda sso: _staff(sso, BrandFactory()),
    "staff of both": lambda sso: _staff(sso, sso.brand, BrandFactory()),
    "a platform admin": lambda sso: _staff(sso, sso.brand, is_superuser=True),
    "a deactivated member": lambda sso: _staff(sso, sso.brand, is_active=False),
    "an invited account whose address nobody verified": _unverified_account,
    "an invitation that expired": _old_invitation,
    "an invitation of another brand": lambda sso: services.invite(
        brand=BrandFactory(), email="ann@example.com", role=Role.OWNER, invited_by=UserFactory(), at=timezone.now()
    ),
}


@pytest.mark.parametrize("create", STRANGERS.values(), ids=STRANGERS.keys())
def test_the_provider_signs_in_nobody_else(sso: Sso, create: Any) -> None:
    create(sso)
    users, members = User.objects.count(), Membership.objects.count()

    client, response = sso.sign_in()

    assert (response.status_code, DENIED in response.text) == (403, True)
    assert response.context["error"].code == "identity_unknown"
    event = AccessEvent.objects.get(pgh_label="sign_in_failed")
    assert (event.brand, event.pgh_obj, event.subject) == (sso.brand, None, "identity provider")
    assert not is_signed_in(client)
    assert (User.objects.count(), Membership.objects.count()) == (users, members)
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize(
    "person",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email": None},
        {"email": "ann@sub.example.com"},
        {"email": "ann@example.com.evil.example"},
        {"email": 7},
        {"email": "ann\0@example.com"},
    ],
    ids=str,
)
def test_an_address_counts_only_if_it_is_verified_and_of_the_brand(sso: Sso, ann: User, person: dict[str, Any]) -> None:
    client, response = sso.sign_in(**person)

    assert (response.status_code, DENIED in response.text) == (403, True)
    assert not is_signed_in(client)


def test_without_domains_the_provider_speaks_for_nobody(sso: Sso, ann: User) -> None:
    IdentityProvider.objects.update(domains=[])

    assert sso.sign_in()[1].status_code == 403


def test_the_next_person_with_an_address_is_not_its_former_owner(sso: Sso, ann: User) -> None:
    sso.sign_in(sub="s-1")

    client, response = sso.sign_in(sub="s-2")

    assert response.status_code == 403
    assert not is_signed_in(client)


@pytest.mark.parametrize("change", ["removed", "deactivated", "admin"])
def test_a_known_person_signs_in_no_longer_after(sso: Sso, ann: User, change: str) -> None:
    MembershipFactory(brand=sso.brand)
    sso.sign_in()
    if change == "removed":
        services.remove_member(brand=sso.brand, user_id=ann.uuid)
        assert not SocialAccount.objects.exists()
    else:
        User.objects.update(**{"deactivated": {"is_active": False}, "admin": {"is_superuser": True}}[change])

    client, response = sso.sign_in()

    assert response.status_code == 403
    assert not is_signed_in(client)


def test_another_issuer_has_other_subjects(sso: Sso, ann: User) -> None:
    sso.sign_in()
    provider = IdentityProvider.objects.get()
    provider.issuer = "https://other.example"

    services.save_provider(provider=provider)

    assert not SocialAccount.objects.exists()
    assert selectors.decrypt_secret(provider) == sso.fake.client_secret


# --- roles ------------------------------------------------------------------------------------------------------------
def test_a_sign_in_gives_roles_in_the_brand_of_the_provider_only(sso: Sso, ann: User) -> None:
    client, _response = sso.sign_in()
    other = MembershipFactory(user=ann, brand=BrandFactory(slug="cake")).brand

    assert [row["slug"] for row in client.get("/api/v1/me/").json()["brands"]] == ["billo"]
    assert client.get(f"/api/v1/brands/{other.slug}/members/").status_code == 404
    assert other.name not in client.get("/admin/accounts/brand/").text


def test_a_sign_in_gives_no_rights_of_a_platform_admin(sso: Sso, ann: User, settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ADMINS = False
    client, _response = sso.sign_in()
    User.objects.filter(pk=ann.pk).update(is_superuser=True)

    assert [row["slug"] for row in client.get("/api/v1/me/").json()["brands"]] == ["billo"]
    assert client.get("/admin/accounts/user/").status_code == 403
    assert client.get("/api/v1/brands/nosuch/").status_code == 404


def test_a_brand_that_requires_its_provider_gives_no_roles_for_a_password(sso: Sso, ann: User) -> None:
    sso.sign_in()  # while they work for no other brand
    Brand.objects.filter(pk=sso.brand.pk).update(sso=SignOn.REQUIRED)
    other = MembershipFactory(user=ann, brand=BrandFactory(slug="cake")).brand
    client = Client()
    client.force_login(ann)
    assert [row["slug"] for row in client.get("/api/v1/me/").json()["brands"]] == ["cake"]
    assert client.get(ADMIN).status_code == 200

    other.is_active = False
    other.save()
    token = services.tokens_for(user=ann, at=timezone.now(), methods=[Method.PASSWORD, Method.CODE]).access
    answers = [
        client.get("/api/v1/brands/billo/members/"),
        Client(headers={"Authorization": f"Bearer {token}"}).get("/api/v1/brands/billo/members/"),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (403, "identity_provider_required")
    ] * 2
    held: Any = client.get(ADMIN, follow=True)
    assert held.redirect_chain[-1][0].startswith("/accounts/sso/billo/?next=")
    signed_in, _response = sso.sign_in()
    assert signed_in.get(ADMIN).status_code == 200


def test_the_sign_in_page_says_that_the_provider_is_required(sso: Sso, ann: User) -> None:
    Brand.objects.filter(pk=sso.brand.pk).update(sso=SignOn.REQUIRED)
    body = {"username": "ann", "password": PASSWORD, "next": ADMIN}

    page = Client().post("/admin/login/", body)
    wrong = Client().post("/admin/login/", body | {"password": "wrong"})

    assert "Billo requires sign-ins by its identity provider." in page.text
    assert 'href="/accounts/sso/' in page.text
    assert "requires sign-ins" not in wrong.text


def test_turning_it_off_ends_the_roles_of_its_sessions(sso: Sso, ann: User) -> None:
    client, _response = sso.sign_in()

    Brand.objects.filter(pk=sso.brand.pk).update(sso=SignOn.OFF)

    assert client.get(ADMIN).status_code == 302
    assert client.get("/api/v1/me/").json()["brands"] == []
    assert client.get(f"/accounts/sso/{sso.brand.pk}/start/").status_code == 404
    assert client.get("/accounts/sso/billo/").status_code == 404


def test_a_session_of_a_password_becomes_one_of_the_provider(sso: Sso, ann: User) -> None:
    client = Client()
    client.force_login(UserFactory(is_superuser=True))

    sso.sign_in(client)

    assert client.session["_auth_user_id"] == str(ann.pk)
    assert client.get("/admin/accounts/user/").status_code == 403


# --- second factors ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("amr", "opens"),
    [(["pwd", "mfa"], True), (["hwk"], True), (["pwd"], False), ("mfa", False), (None, False), ([{}], False)],
)
def test_a_second_factor_of_the_provider_counts(sso: Sso, ann: User, amr: Any, opens: bool) -> None:
    Brand.objects.filter(pk=sso.brand.pk).update(require_second_factor=True)

    client, _response = sso.sign_in(amr=amr)

    assert (client.get(ADMIN).status_code == 200) is opens


def test_a_user_with_a_second_factor_is_asked_for_it_as_well(sso: Sso, ann: User) -> None:
    add_app(ann)

    client, response = sso.sign_in()

    assert response.url == "/accounts/second-factor/sign-in/"
    assert not is_signed_in(client)


def test_a_removed_factor_leaves_a_session_of_the_provider(sso: Sso, ann: User) -> None:
    client, _response = sso.sign_in(amr=["mfa"])
    MembershipFactory(user=ann, brand=BrandFactory(slug="cake"))
    add_app(ann)

    client.post("/accounts/second-factor/app/remove/")

    assert [row["slug"] for row in client.get("/api/v1/me/").json()["brands"]] == ["billo"]


def test_a_fresh_proof_is_one_of_the_provider(sso: Sso, ann: User) -> None:
    Membership.objects.update(role=Role.OWNER)
    sso.fake.claims = {"auth_time": int(time.time()) - 1000}
    client, _response = sso.sign_in()
    page = "/admin/accounts/apikey/add/"
    assert client.get(page).status_code == 302
    address: Any = client.get(page).url  # type: ignore[attr-defined]
    assert address == f"/accounts/sso/{sso.brand.pk}/again/?next=%2Fadmin%2Faccounts%2Fapikey%2Fadd%2F"

    stale = sso.finish(client, sso.start(client, page="again", next_url=page))
    sso.fake.claims = {}
    at_provider = sso.start(client, page="again", next_url=page)
    fresh = sso.finish(client, at_provider)

    assert parse_qs(urlsplit(at_provider).query)["prompt"] == ["login"]
    assert (stale.status_code, FAILED in stale.text) == (503, True)
    assert fresh.url == page
    assert client.get(page).status_code == 200


# --- protocol ---------------------------------------------------------------------------------------------------------
BAD_CLAIMS = [
    {"iss": "https://other.example"}, {"aud": "another"}, {"aud": ["platform", "x"], "azp": "x"}, {"exp": 1},
    {"nonce": "other"}, {"nonce": None}, {"iat": None}, {"sub": None}, {"exp": "soon"},
]  # fmt: skip


@pytest.mark.parametrize("claims", BAD_CLAIMS, ids=str)
def test_a_token_that_is_not_for_this_sign_in_is_refused(sso: Sso, ann: User, claims: dict[str, Any]) -> None:
    sso.fake.claims = claims

    client, response = sso.sign_in()

    assert (response.status_code, FAILED in response.text) == (503, True)
    assert response.context["error"].code == "identity_provider_failed"
    assert not is_signed_in(client)


@pytest.mark.parametrize("kid", ["first", "second"])
def test_a_token_of_another_key_is_refused(sso: Sso, ann: User, kid: str) -> None:
    sso.fake.signer = SigningKey(kid)

    client, response = sso.sign_in()

    assert response.status_code == 503
    assert not is_signed_in(client)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_without_a_signature_of_the_provider_is_refused(sso: Sso, ann: User, algorithm: str) -> None:
    class Forger:
        def sign(self, claims: dict[str, Any]) -> str:
            key = "" if algorithm == "none" else "a" * 40
            return jwt.encode(claims, key, algorithm, headers={"kid": "first"})

    sso.fake.signer = Forger()  # type: ignore[assignment]

    assert sso.sign_in()[1].status_code == 503


def test_new_keys_are_found(sso: Sso, ann: User, monkeypatch: Any) -> None:
    sso.sign_in()
    sso.fake.signer = SigningKey("next", "ES256")
    sso.fake.published.append(sso.fake.signer)
    monkeypatch.setattr(signing_keys, "RETRY_SECONDS", 0)

    _client, response = sso.sign_in()

    assert response.url == ADMIN


def test_documents_are_fetched_once(sso: Sso, ann: User) -> None:
    for _number in range(3):
        sso.sign_in()

    assert (sso.fake.count(DISCOVERY), sso.fake.count(KEYS), sso.fake.count(TOKEN)) == (1, 1, 3)
    assert sso.fake.count(USERINFO) == 0


def test_what_the_token_lacks_is_asked_for(sso: Sso, ann: User) -> None:
    sso.fake.claims = {"email": None, "email_verified": None}

    assert sso.sign_in()[1].url == ADMIN
    assert sso.fake.count(USERINFO) == 1


@pytest.mark.parametrize("path", [DISCOVERY, KEYS, TOKEN, USERINFO])
@pytest.mark.parametrize(
    "answer", [500, 302, "", "[]", "null", "7", "{}", '{"keys": 3}', "<html>", b"\xff\xfe", "x" * 600_000]
)
def test_strange_answers_of_a_provider_are_no_errors_of_the_server(sso: Sso, ann: User, path: str, answer: Any) -> None:
    sso.fake.answers[path] = answer
    sso.fake.claims = {"email": None}
    client = Client(raise_request_exception=True)

    response: Any = client.get(f"/accounts/sso/{sso.brand.pk}/start/")
    if response.status_code == 302:
        response = sso.finish(client, response.url)

    assert (response.status_code, FAILED in response.text) == (503, True)
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "query", [{}, {"code": "x"}, {"state": "x"}, {"code": "x", "state": "x"}, {"error": "access_denied"}]
)
def test_a_return_without_a_beginning_signs_nobody_in(sso: Sso, ann: User, query: dict[str, str]) -> None:
    client = Client()

    response = client.get(f"/accounts/sso/{sso.brand.pk}/callback/", query)

    assert response.status_code == 503
    assert not is_signed_in(client)


def test_a_return_belongs_to_the_browser_and_the_brand_that_began(sso: Sso, ann: User) -> None:
    other = BrandFactory(sso=SignOn.ALLOWED)
    create_provider(other, sso.fake)
    first, second = Client(), Client()
    address = sso.start(first)
    back = requests.get(address, allow_redirects=False, timeout=5).headers["Location"]
    query = urlsplit(back).query

    stolen = second.get(f"/accounts/sso/{sso.brand.pk}/callback/?{query}")
    elsewhere = first.get(f"/accounts/sso/{other.pk}/callback/?{query}")

    assert (stolen.status_code, elsewhere.status_code) == (503, 503)
    assert not is_signed_in(first)
    assert not is_signed_in(second)


def test_a_return_counts_once(sso: Sso, ann: User) -> None:
    client = Client()
    back = requests.get(sso.start(client), allow_redirects=False, timeout=5).headers["Location"]
    path = urlsplit(back)._replace(scheme="", netloc="").geturl()

    assert client.get(path).status_code == 302
    assert Client().get(path).status_code == 503
    assert client.get(path).status_code == 503


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_the_next_page_is_one_of_the_platform(sso: Sso, ann: User, target: str) -> None:
    client = Client()

    response = sso.finish(client, sso.start(client, next_url=target))

    assert response.url == "/admin/"


def test_parameters_of_the_browser_reach_no_provider(sso: Sso) -> None:
    response: Any = Client().get(
        f"/accounts/sso/{sso.brand.pk}/start/", {"auth_params": "prompt=none&redirect_uri=x", "scope": "admin"}
    )

    query = parse_qs(urlsplit(response.url).query)
    assert set(query["scope"][0].split()) == {"openid", "email"}
    assert "prompt" not in query
    assert query["redirect_uri"] == [f"{sso.settings.BASE_URL}/accounts/sso/{sso.brand.pk}/callback/"]


def test_providers_in_private_networks_are_not_reached(sso: Sso, ann: User) -> None:
    sso.settings.OUTBOUND_PRIVATE_NETWORKS = False

    response = Client().get(f"/accounts/sso/{sso.brand.pk}/start/")

    assert response.status_code == 503
    assert sso.fake.requests == []


def test_sign_ins_are_limited_per_address(sso: Sso) -> None:
    sso.settings.THROTTLES = sso.settings.THROTTLES | {"login_address": "1/minute closed"}
    client = Client()
    sso.start(client)

    assert client.get(f"/accounts/sso/{sso.brand.pk}/start/").status_code == 429
    assert client.get(f"/accounts/sso/{sso.brand.pk}/callback/").status_code == 429


# --- pages and settings -----------------------------------------------------------------------------------------------
def test_the_pages_lead_to_the_provider(sso: Sso) -> None:
    client = Client()

    chosen: Any = client.post(f"/accounts/sso/?next={ADMIN}", {"brand": " Billo "})
    page = client.get(chosen.url)
    unknown = client.post("/accounts/sso/", {"brand": BrandFactory().slug})

    assert "Sign in by identity provider" in client.get("/admin/login/").text
    assert client.get("/accounts/sso/").status_code == 200
    assert f"/accounts/sso/{sso.brand.pk}/start/?next=%2Fadmin%2Fpromotions%2Fpromotion%2F" in page.text
    assert sso.fake.issuer in page.text
    assert (unknown.status_code, "Check the name." in unknown.text) == (400, True)


@pytest.fixture
def owner(sso: Sso) -> Client:
    """The browser of an owner of Billo, who signed in with a password."""
    client = Client()
    client.force_login(MembershipFactory(brand=sso.brand, user=UserFactory(username="olga")).user)
    return client


def provider_form(sso: Sso, **changes: Any) -> dict[str, Any]:
    return {"issuer": sso.fake.issuer, "client_id": "new", "new_secret": "", "domains": "example.com"} | changes


def test_an_owner_sets_the_provider_up_but_not_its_domains(sso: Sso, owner: Client) -> None:
    provider = IdentityProvider.objects.get()
    page = f"/admin/accounts/identityprovider/{provider.pk}/change/"

    shown = owner.get(page)
    saved: Any = owner.post(page, provider_form(sso, domains="evil.example", new_secret="another"))

    assert f"/accounts/sso/{sso.brand.pk}/callback/" in shown.text
    assert sso.fake.client_secret not in shown.text
    assert saved.status_code == 302, saved.text
    provider.refresh_from_db()
    assert (provider.client_id, provider.domains) == ("new", ["example.com"])
    assert selectors.decrypt_secret(provider) == "another"
    assert "another" not in provider.secret


def test_a_new_provider_needs_a_secret_and_says_that_domains_are_missing(sso: Sso) -> None:
    brand = BrandFactory()
    client = Client()
    client.force_login(MembershipFactory(brand=brand).user)
    page = "/admin/accounts/identityprovider/add/"

    refused = client.post(page, provider_form(sso, brand=brand.pk))
    saved: Any = client.post(page, provider_form(sso, brand=brand.pk, new_secret="s"), follow=True)

    assert "Enter the secret that the identity provider shows." in refused.text
    assert "Ask a platform admin to enter the email domains" in saved.text
    assert IdentityProvider.objects.get(brand=brand).domains == []


def test_a_platform_admin_enters_the_domains(sso: Sso, admin_client: Client) -> None:
    page = f"/admin/accounts/identityprovider/{IdentityProvider.objects.get().pk}/change/"

    refused = admin_client.post(page, provider_form(sso, domains="exa mple.com\nnodot"))
    saved = admin_client.post(page, provider_form(sso, domains="@Billo.Example\nbillo.example shop.example"))

    assert "Enter domains of email addresses" in refused.text
    assert saved.status_code == 302
    assert IdentityProvider.objects.get().domains == ["billo.example", "shop.example"]


@pytest.mark.parametrize(
    "issuer", ["http://127.0.0.1:9/", "https://nowhere.invalid", "http://127.0.0.1/?a=b", "nonsense", "ftp://a.example"]
)
def test_a_wrong_issuer_shows_at_the_field(sso: Sso, owner: Client, issuer: str) -> None:
    page = f"/admin/accounts/identityprovider/{IdentityProvider.objects.get().pk}/change/"

    response = owner.post(page, provider_form(sso, issuer=issuer))

    assert response.status_code == 200
    assert response.context["adminform"].form.errors.keys() == {"issuer"}
    assert IdentityProvider.objects.get().issuer == sso.fake.issuer


def test_a_provider_without_pkce_is_refused(sso: Sso, owner: Client) -> None:
    document = sso.fake.document(DISCOVERY) | {"code_challenge_methods_supported": ["plain"]}
    sso.fake.answers[DISCOVERY] = document
    page = f"/admin/accounts/identityprovider/{IdentityProvider.objects.get().pk}/change/"

    response = owner.post(page, provider_form(sso))

    assert "support PKCE" in response.text


def test_other_brands_do_not_see_the_provider(sso: Sso) -> None:
    client = Client()
    client.force_login(MembershipFactory().user)
    editor = Client()
    editor.force_login(MembershipFactory(brand=sso.brand, role=Role.EDITOR).user)
    page = f"/admin/accounts/identityprovider/{IdentityProvider.objects.get().pk}/change/"

    assert sso.fake.issuer not in client.get("/admin/accounts/identityprovider/").text
    assert client.get(page).status_code in {302, 403, 404}
    assert editor.get(page).status_code == 403


def test_a_provider_in_use_is_not_deleted(sso: Sso, owner: Client) -> None:
    page = f"/admin/accounts/identityprovider/{IdentityProvider.objects.get().pk}/delete/"

    refused = owner.post(page, {"post": "yes"}, follow=True)
    Brand.objects.update(sso=SignOn.OFF)
    owner.post(page, {"post": "yes"})

    assert "Turn sign-in by the identity provider off in the brand first." in refused.text
    assert not IdentityProvider.objects.exists()


def change_sso(client: Client, value: str, **changes: Any) -> Any:
    body = {"sso": value} | changes
    return client.patch("/api/v1/brands/billo/", body, content_type="application/json")


def test_only_those_who_used_the_provider_require_it(sso: Sso, ann: User) -> None:
    Membership.objects.update(role=Role.OWNER)
    by_password = Client()
    by_password.force_login(ann)
    by_provider, _response = sso.sign_in()

    refused, accepted = change_sso(by_password, "required"), change_sso(by_provider, "required")

    assert refused.status_code == 400
    assert refused.json()["errors"] == [
        {"field": "sso", "code": "invalid", "detail": "Sign in by the identity provider first, to see that it works."}
    ]
    assert (accepted.status_code, accepted.json()["sso"]) == (200, "required")


def test_a_brand_without_a_provider_allows_none(sso: Sso, ann: User) -> None:
    Membership.objects.update(role=Role.OWNER)
    IdentityProvider.objects.all().delete()
    Brand.objects.update(sso=SignOn.OFF)
    client = Client()
    client.force_login(ann)

    response = change_sso(client, "allowed")

    assert response.status_code == 400
    assert "Set up the identity provider" in response.json()["errors"][0]["detail"]
    assert change_sso(client, "maybe").status_code == 400


def test_the_brand_page_of_the_admin_checks_the_same(sso: Sso, ann: User) -> None:
    Membership.objects.update(role=Role.OWNER)
    client = Client()
    client.force_login(ann)
    page = f"/admin/accounts/brand/{sso.brand.pk}/change/"
    form = {
        "name": "Billo", "color": "#0f766e", "language": "en", "timezone": "UTC", "checkout_by": "server",
        "sso": "required",
    }  # fmt: skip

    response = client.post(page, form)

    assert "Sign in by the identity provider first, to see that it works." in response.text
    by_provider, _response = sso.sign_in()
    assert by_provider.post(page, form).status_code == 302
    assert Brand.objects.get(pk=sso.brand.pk).sso == SignOn.REQUIRED


def test_the_audit_log_says_who_changed_the_provider_and_who_was_linked(
    sso: Sso, ann: User, owner: Client, admin_client: Client
) -> None:
    sso.sign_in()
    page = f"/admin/accounts/identityprovider/{IdentityProvider.objects.get().pk}/change/"
    owner.post(page, provider_form(sso, new_secret="very-secret"))

    events = StaffIdentity.pgh_event_models["insert"].objects.order_by("pgh_id")
    text = owner.get("/admin/log/").text

    assert [(event.pgh_label, event.user) for event in events] == [("insert", ann), ("delete", ann)]
    assert "very-secret" not in text
    assert "dentity provider" in text


def test_the_secret_is_encrypted_again_with_the_newest_key(sso: Sso, settings: Any, capsys: Any) -> None:
    before = IdentityProvider.objects.get().secret
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 60, [settings.SECRET_KEY]

    call_command("rotate_secrets")
    settings.SECRET_KEY_FALLBACKS = []

    provider = IdentityProvider.objects.get()
    assert provider.secret != before
    assert selectors.decrypt_secret(provider) == sso.fake.client_secret
    assert "1 second factor or identity provider" in capsys.readouterr().out
