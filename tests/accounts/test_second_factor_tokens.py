"""Tokens of users with a second factor: how they get them, what they carry, and which rights they give."""

from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import rules, selectors, services
from accounts.contracts import Method
from accounts.models import TokenFamily, User
from core import redis
from tests.factories import PASSWORD, BrandFactory, MembershipFactory, ShopperFactory, UserFactory
from tests.second_factors import add_app, recovery_codes, show_code, wrong_code

pytestmark = pytest.mark.django_db
TOKENS, REFRESH = "/api/v1/auth/token/", "/api/v1/auth/token/refresh/"


@pytest.fixture
def user() -> User:
    """The owner of a brand that requires a second factor."""
    return MembershipFactory(brand=BrandFactory(slug="billo", require_second_factor=True)).user


def ask(user: User, **body: str) -> Any:
    return APIClient().post(TOKENS, {"account": user.username, "password": PASSWORD} | body)


def bearer(token: str) -> APIClient:
    return APIClient(headers={"Authorization": f"Bearer {token}"})


def claims_of(token: str) -> Any:
    return jwt.decode(token, options={"verify_signature": False})


def test_users_with_a_second_factor_send_its_code(user: User) -> None:
    secret = add_app(user)

    without, wrong, right = ask(user), ask(user, otp=wrong_code(secret)), ask(user, otp=show_code(secret))

    assert (without.status_code, without.json()["code"]) == (401, "second_factor_required")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "second_factor_invalid")
    assert right.status_code == 200
    assert claims_of(right.json()["access"])["amr"] == ["otp", "pwd"]
    assert Authenticator.objects.get(user=user, type="totp").last_used_at is not None
    assert TokenFamily.objects.count() == 1


def test_nobody_learns_of_a_second_factor_without_the_password(user: User) -> None:
    add_app(user)

    answers = [ask(user, password="wrong"), ask(user, password="wrong", otp="123456")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(401, "invalid_credentials")] * 2


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_a_code_counts_once(user: User, kind: str) -> None:
    secret = add_app(user)
    code = show_code(secret) if kind == "app" else recovery_codes(user)[0]

    assert [ask(user, otp=code).status_code for _attempt in range(2)] == [200, 401]


def test_a_code_of_a_user_without_a_second_factor_is_wrong() -> None:
    answer = ask(ShopperFactory(), otp="123456")

    assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_invalid")


@pytest.mark.parametrize("otp", ["", "0" * 21, None, 123456, ["123456"]])
def test_invalid_codes_are_refused(user: User, otp: Any) -> None:
    answer = APIClient().post(TOKENS, {"account": user.username, "password": PASSWORD, "otp": otp}, format="json")

    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, ["otp"])


@pytest.mark.parametrize("otp", ["-", "\uff11\uff12", "\U0001f600" * 20])
def test_strange_codes_are_wrong(user: User, otp: str) -> None:
    add_app(user)

    answer = ask(user, otp=otp)

    assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_invalid")


def test_codes_cannot_be_guessed(user: User, settings: Any) -> None:
    settings.THROTTLES = settings.THROTTLES | {"second_factor": "2/hour closed"}
    secret = add_app(user)

    statuses = [ask(user, otp=wrong_code(secret)).status_code for _attempt in range(2)]

    assert statuses == [401, 401]
    assert ask(user, otp=show_code(secret)).status_code == 429


def test_codes_are_refused_while_attempts_cannot_be_counted(user: User, redis_unavailable: None) -> None:
    assert ask(user, otp="123456").status_code == 503


def test_staff_rights_are_refused_to_tokens_without_a_required_second_factor(user: User) -> None:
    client = bearer(ask(user).json()["access"])

    answers = [
        client.get("/api/v1/brands/billo/members/"),
        client.get("/api/v1/promotions/"),
        client.post("/api/v1/brands/billo/api-keys/", {"name": "new"}),
        client.get("/api/v1/redemptions/"),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "second_factor_missing")] * 4
    assert client.get("/api/v1/me/").status_code == 200
    verified = APIClient().post(f"{TOKENS}verify/", {"token": ask(user).json()["access"]}).json()
    assert (verified["valid"], verified["user"]["brands"]) == (True, [])


def test_a_code_gives_the_rights_back(user: User) -> None:
    secret = add_app(user)

    client = bearer(ask(user, otp=show_code(secret)).json()["access"])

    assert client.get("/api/v1/brands/billo/members/").status_code == 200
    assert client.get("/api/v1/promotions/").status_code == 200


def test_a_requirement_works_on_the_next_call_and_for_refreshed_tokens() -> None:
    member = MembershipFactory()
    tokens = ask(member.user).json()
    path = f"/api/v1/brands/{member.brand.slug}/members/"
    assert bearer(tokens["access"]).get(path).status_code == 200

    member.brand.require_second_factor = True
    member.brand.save()

    refreshed = APIClient().post(REFRESH, {"refresh": tokens["refresh"]}).json()["access"]
    assert [bearer(token).get(path).status_code for token in (tokens["access"], refreshed)] == [403, 403]


def test_a_factor_that_is_added_ends_the_rights_of_tokens_without_it() -> None:
    member = MembershipFactory()
    access = ask(member.user).json()["access"]

    add_app(member.user)

    answer = bearer(access).get(f"/api/v1/brands/{member.brand.slug}/members/")
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_missing")


def test_refreshed_tokens_say_the_same_of_the_sign_in(user: User, at: datetime) -> None:
    tokens = services.tokens_for(user=user, at=at, methods=[Method.PASSWORD, Method.CODE])

    refreshed = services.refresh(token=tokens.refresh, at=at + timedelta(hours=1))

    for token in (tokens.access, tokens.refresh, refreshed.access, refreshed.refresh):
        claims = claims_of(token)
        assert (claims["amr"], claims["auth_time"]) == (["otp", "pwd"], int(at.timestamp()))
    later = at + timedelta(hours=1)
    assert selectors.get_token_caller(token=refreshed.access, at=later).has_second_factor


def test_a_token_of_an_earlier_release_is_without_a_second_factor(user: User, at: datetime) -> None:
    keyring = selectors.keyring()
    token = rules.encode_token(
        kind=rules.TokenKind.ACCESS,
        caller=selectors.caller_of(user),
        keyring=keyring,
        at=at,
        lifetime=timedelta(hours=1),
    )
    claims = {name: value for name, value in claims_of(token).items() if name != "amr"}
    older = jwt.encode(claims, keyring.key, rules.ALGORITHM, headers={"kid": keyring.kid})

    assert not selectors.get_token_caller(token=older, at=at).has_second_factor


def test_platform_admins_need_a_second_factor(settings: Any) -> None:
    admin = UserFactory(is_superuser=True)
    BrandFactory(slug="billo")
    client = bearer(ask(admin).json()["access"])

    answers = [client.get("/api/v1/brands/billo/members/"), client.get("/api/internal/v1/audiences/")]
    settings.SECOND_FACTOR_FOR_ADMINS = False

    assert answers[0].json()["code"] == "second_factor_missing"
    assert [answer.status_code for answer in answers if answer.status_code not in {404, 405}] == [403]
    assert client.get("/api/v1/brands/billo/members/").status_code == 200


def test_shoppers_never_need_a_second_factor(user: User, shopper_client: Any) -> None:
    services.add_customer(user=user)
    client = bearer(ask(user).json()["access"])

    login = APIClient().post("/api/login-campaign", {"account": user.username, "password": PASSWORD})

    assert login.status_code == 200
    assert client.get("/api/v1/checkout/offers/").status_code == 200


def test_a_reset_ends_the_tokens(user: User) -> None:
    secret = add_app(user)
    tokens = ask(user, otp=show_code(secret)).json()
    redis.client().flushdb()

    services.reset_second_factor(user=user, at=timezone.now())

    assert APIClient().post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401
    assert ask(user).status_code == 200  # without rights of staff, until there is a new factor
